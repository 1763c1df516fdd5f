# Ends a test run's server and removes its folder when the run is gone.
#
# The run is no ancestor of ours that could hold a pipe open (cargo knows nothing of us), so its pid is polled. Our
# standard output is the server's lifeline: should this shell be killed as well, the kernel closes it all the same.
#
# $1: the pid of the run; $2: its folder.
lives() {
    kill -0 "$1" || return
    # A run that was killed and not yet waited for by its parent still has its pid; where there is no /proc, so be it.
    read -r stat <"/proc/$1/stat" || return 0
    case $stat in *") Z "*) return 1 ;; esac
}
while lives "$1"; do sleep 0.2; done
exec >&-
tries=0
while [ -e "$2/data/postmaster.pid" ] && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
# Again, should a last backend have written in between.
rm -rf "$2" || { sleep 1; rm -rf "$2"; }

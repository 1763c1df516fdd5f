# Ends a test run's server and removes its folder when the run is gone.
#
# The run is no ancestor of ours that could hold a pipe open (cargo knows nothing of us), so its pid is polled. Our
# standard output is the server's lifeline: should this shell be killed as well, the kernel closes it all the same.
#
# $1: the pid of the run; $2: its folder.
while kill -0 "$1" 2>/dev/null; do sleep 0.2; done
exec >&-
tries=0
while [ -e "$2/data/postmaster.pid" ] && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
# Again, should a last backend have written in between.
rm -rf "$2" || { sleep 1; rm -rf "$2"; }

# Becomes the server, and leaves behind a watchdog that ends the server when our caller is gone.
#
# Standard input is a pipe whose other end the caller holds: the kernel closes it however the caller ends, `kill -9`
# included, which no signal handler and no destructor could promise. The server has the pid of this shell ($$), so
# there is no moment in which it runs unwatched.
#
# $1: the signal for the server (INT: fast shutdown, QUIT: at once); the rest: the server's command line.
signal=$1
shift
exec 3<&0 </dev/null
(
    # Nobody's child: the server would take an unknown child that ends for a crash of its own.
    (
        read -r _ <&3
        tries=0
        while kill -0 $$ && [ "$tries" -lt 300 ]; do
            # Asked again each time: the server may be too young to listen, or gone and its pid a stranger's.
            read -r pid <data/postmaster.pid && [ "$pid" = $$ ] && kill -"$signal" $$
            tries=$((tries + 1))
            [ "$tries" -eq 100 ] && signal=QUIT
            sleep 0.1
        done
    ) >/dev/null 2>&1 &
)
exec "$@" 3<&-

#!/bin/sh
# Starts or stops many containers side by side and says how each ended, as it ends: one line `NAME STATUS`.
# Usage: side-by-side.sh LXCPATH start [NAME LOG PIDFILE]…
#        side-by-side.sh LXCPATH stop [NAME LOG SECONDS|kill]…
lxcpath=$1
verb=$2
shift 2
while [ $# -ge 3 ]; do
  {
    case $verb-$3 in
      start-*) lxc-start -d -P "$lxcpath" -n "$1" -o "$2" -l INFO -p "$3" ;;
      stop-kill) lxc-stop -P "$lxcpath" -n "$1" -o "$2" -l ERROR -k ;;
      stop-*) lxc-stop -P "$lxcpath" -n "$1" -o "$2" -l ERROR -t "$3" ;;
    esac >&2
    echo "$1 $?"
  } &
  shift 3
done
wait

#!/bin/sh
# Starts and stops containers side by side for as long as its standard input is open, and says of each which process does
# it, `JOB pid PID`, and how that ended, as it ends, `JOB STATUS`. Usage: side-by-side.sh LXCPATH, and five lines for each job on standard input:
# JOB, start|stop, NAME, LOG, and for a start the file for the monitor's process id, for a stop SECONDS or `kill`.
lxcpath=$1
while IFS= read -r job && IFS= read -r verb && IFS= read -r name && IFS= read -r log && IFS= read -r detail; do
  {
    case $verb-$detail in
      start-*) lxc-start -d -P "$lxcpath" -n "$name" -o "$log" -l DEBUG -p "$detail" & ;;
      stop-kill) lxc-stop -P "$lxcpath" -n "$name" -o "$log" -l ERROR -k & ;;
      stop-*) lxc-stop -P "$lxcpath" -n "$name" -o "$log" -l ERROR -t "$detail" & ;;
    esac >&2
    echo "$job pid $!"
    wait $!
    echo "$job $?"
  } </dev/null &
done
wait

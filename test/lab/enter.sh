#!/bin/sh
# First process of a lab (see lab.ts): finishes its namespaces, runs the command, and says what the command left behind.
# As process 1 of the lab's pid namespace it reaps what LXC's daemons leave, and takes every process of the lab with it.
# Usage: enter.sh COMMAND [ARGUMENT…]; HOLDFAST_LAB_CGROUPS holds the lab's cgroup directories, one word each.
set -eu

for directory in $HOLDFAST_LAB_CGROUPS; do
  echo 0 >"$directory/cgroup.procs"
done
unset HOLDFAST_LAB_CGROUPS

mount -t proc proc /proc
# A run directory of its own: LXC's and iptables' locks, and everything that tests make, go with the lab.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/holdfast-lab/tmp /run/holdfast-lab/cgroup
# LXC looks bridges up in /sys/class/net, which shows the network namespace in which sysfs was mounted.
mount --rbind /sys/fs/cgroup /run/holdfast-lab/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/holdfast-lab/cgroup /sys/fs/cgroup
umount -l /run/holdfast-lab/cgroup
ip link set lo up
export HOLDFAST_LAB=1 TMPDIR=/run/holdfast-lab/tmp

interrupted=
"$@" <&0 &
command=$!
trap 'interrupted=yes; kill -TERM $command 2>/dev/null || true' TERM INT HUP
code=0
wait $command || code=$?
while [ -n "$interrupted" ] && kill -0 $command 2>/dev/null; do
  code=0
  wait $command || code=$?
done

for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  # Zombies and kernel threads have no command line.
  arguments=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline" | cut -c1-100) || continue
  [ "$pid" = 1 ] || [ -z "$arguments" ] || echo "lab: left over: process $pid: $arguments" >&2
done
for link in /sys/class/net/*; do
  name=${link#/sys/class/net/}
  [ "$name" = lo ] || [ ! -e "$link/ifindex" ] || echo "lab: left over: link $name" >&2
done
exit $code

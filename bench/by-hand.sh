#!/bin/sh
# What somebody who knows the machine would write: the peer of the benchmark on LXC. Two bridges, isolation and NAT, one
# image under twenty overlays, a hosts file for each pool, and twenty containers, with as few processes as a shell can do
# with. Usage: by-hand.sh up DIRECTORY IMAGE | by-hand.sh down DIRECTORY
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
verb=$1
directory=$2
containers='1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20'

devices=
for device in 'c *:* m' 'b *:* m' 'c 1:3 rwm' 'c 1:5 rwm' 'c 1:7 rwm' 'c 1:8 rwm' 'c 1:9 rwm' 'c 5:0 rwm' 'c 5:1 rwm' \
  'c 5:2 rwm' 'c 136:* rwm'; do
  devices="${devices}lxc.cgroup.devices.allow = $device
lxc.cgroup2.devices.allow = $device
"
done

# The text of one container's configuration, without a process of its own.
configure() {
  pool=$((1 + $1 % 2))
  printf '%s' "lxc.mount.auto = proc:mixed sys:mixed
lxc.cap.drop = mac_admin mac_override sys_time sys_module sys_rawio
lxc.signal.halt = SIGTERM
lxc.cgroup.devices.deny = a
lxc.cgroup2.devices.deny = a
${devices}lxc.uts.name = h$1
lxc.rootfs.path = overlay:$directory/image:$directory/upper/h$1/delta
lxc.net.0.type = veth
lxc.net.0.link = hand$pool
lxc.net.0.name = eth0
lxc.net.0.hwaddr = 02:00:0a:4d:0$pool:$(($1 + 11))
lxc.net.0.ipv4.address = 10.77.$pool.$((1 + $1))/24
lxc.net.0.ipv4.gateway = 10.77.$pool.1
lxc.net.0.flags = up
lxc.mount.entry = $directory/hosts$pool etc/hosts none bind,ro,create=file 0 0
lxc.console.logfile = $directory/lxc/h$1/console.log
" >"$directory/lxc/h$1/config"
}

write_hosts() {
  hosts1='127.0.0.1 localhost
'
  hosts2=$hosts1
  for number in $containers; do
    line="10.77.$((1 + number % 2)).$((1 + number)) h$number
"
    if [ $((number % 2)) = 0 ]; then hosts1=$hosts1$line; else hosts2=$hosts2$line; fi
  done
  printf '%s' "$hosts1" >"$directory/hosts1"
  printf '%s' "$hosts2" >"$directory/hosts2"
}

network() {
  ip -batch - <<'LINKS'
link add hand1 type bridge
address add 10.77.1.1/24 dev hand1
link set hand1 up
link add hand2 type bridge
address add 10.77.2.1/24 dev hand2
link set hand2 up
LINKS
  nft -f - <<'RULES'
table inet by_hand {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname hand1 oifname hand2 drop
    iifname hand2 oifname hand1 drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.77.1.0/24 oifname != hand1 masquerade
  }
}
RULES
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

up() {
  paths="$directory/image"
  for number in $containers; do paths="$paths $directory/lxc/h$number $directory/upper/h$number/delta"; done
  # shellcheck disable=SC2086 # one word a path
  mkdir -p $paths
  network
  mount -t squashfs -o loop,ro,nosuid,nodev "$1" "$directory/image"
  write_hosts
  started=
  for number in $containers; do
    configure "$number"
    lxc-start -P "$directory/lxc" -n "h$number" -d &
    started="$started $!"
  done
  for process in $started; do wait "$process"; done
}

down() {
  for number in $containers; do lxc-stop -P "$directory/lxc" -n "h$number" -k & done
  wait
  umount "$directory/image"
  ip link delete hand1
  ip link delete hand2
  nft delete table inet by_hand
  rm -rf "$directory"
}

case $verb in
  up) up "$3" ;;
  down) down ;;
esac

#!/bin/busybox sh
# The first process of the machine: makes a root of the other machine's files, read-only below, and of
# memory above them, in which second.sh goes on. Whatever fails here ends the machine.
set -e

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1

for module in /modules/*; do
  [ ! -f "$module" ] || insmod "$module"
done

mkdir /lower /upper /real
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "ro,$share,cache=loose" root /lower
mount -t tmpfs -o mode=755,size=75% tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /real

umount /proc
mount -t proc proc /real/proc
mount -t sysfs sysfs /real/sys
mount -t cgroup2 cgroup2 /real/sys/fs/cgroup
mount --move /dev /real/dev
mkdir /real/dev/pts /real/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /real/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /real/dev/shm
ln -s /proc/self/fd /real/dev/fd
ln -s fd/0 /real/dev/stdin
ln -s fd/1 /real/dev/stdout
ln -s fd/2 /real/dev/stderr
mount -t tmpfs -o mode=755 tmpfs /real/run
ip link set lo up

mkdir /real/run/share
mount -t 9p -o "rw,$share,cache=none" share /real/run/share
modules=$(cat /real/run/share/modules)
if [ -n "$modules" ]; then
  place=/real/lib/modules/$(uname -r)
  mkdir -p "$place"
  mount --bind "/real$modules" "$place"
fi

exec switch_root /real /bin/sh -c "$(cat /second)"

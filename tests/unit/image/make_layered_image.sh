#!/bin/sh
# Makes an OCI layout of several layers with everything a layer can say, and what umoci unpacks of it.
# Usage: make_layered_image.sh BUSYBOX OUT; leaves OUT/image.tar (tag app) and OUT/rootfs.
set -eu

busybox=$1
out=$2
layers=$out/layers
mkdir -p "$layers/1" "$layers/2" "$layers/3" "$layers/4"

# 1: a small system, with links, modes, owners, attributes and sub-second times.
cd "$layers/1"
mkdir -p bin dev etc/conf.d home/user lib proc root tmp usr/share/doc var/empty var/log var/old/deep
cp "$busybox" bin/busybox
for tool in sh ls cat env ping; do ln bin/busybox "bin/$tool"; done
ln -s ../bin/busybox usr/tool
ln -s nowhere usr/dangling
chmod 1777 tmp
chmod 0700 root
chmod 4755 bin/ping
chown 1000:1000 home/user
chown 65534:100000 var/empty
mkfifo var/fifo
mknod dev/null c 1 3
mknod dev/loop7 b 7 7
i=0
while [ $i -lt 300 ]; do
  echo "file $i" >"usr/share/doc/$i"
  i=$((i + 1))
done
head -c 300000 /dev/zero | tr '\0' x >var/log/big
head -c 4096 /dev/zero >var/log/zeros
: >var/log/empty
echo one >etc/conf.d/one
echo two >etc/conf.d/two
echo 'root:x:0:0' >etc/passwd
echo box >etc/hostname
echo old >var/old/file
echo deep >var/old/deep/file
setfattr -n user.comment -v 'a comment' etc/passwd
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 bin/busybox
setfattr -n user.on.directory -v yes home/user
touch -d '2021-03-04 05:06:07.123456789 UTC' etc/passwd home/user
touch -d '1965-01-01 00:00:00 UTC' etc/conf.d/one
chmod 0711 .
touch -d '2020-01-02 03:04:05.5 UTC' .

# 2: changes, whiteouts, an opaque directory, types that change.
cd "$layers/2"
mkdir -p etc/conf.d usr/share var/old new/empty
echo three >etc/conf.d/three
: >etc/conf.d/.wh..wh..opq
: >usr/share/.wh.doc
: >var/.wh.fifo
echo replaced >var/old/file
mkdir usr/tool
echo inside >usr/tool/inside
ln -s log var/logs
chown 7:8 etc/conf.d
touch -d '2022-02-02 02:02:02.25 UTC' etc/conf.d new

# 3: a whiteout next to a new directory of the same name, a hard link to a file of a lower layer, implied parents.
cd "$layers/3"
mkdir -p var/old home/user
: >var/.wh.old
echo fresh >var/old/fresh
echo mine >home/user/mine
setfattr -n user.comment -v changed home/user/mine

# 4: a directory becomes a file, and a file a directory.
cd "$layers/4"
mkdir -p var/empty etc/hostname
rmdir var/empty
echo 'a file now' >var/empty
echo inside >etc/hostname/inside

cd "$out"
tar_layer() { # N TAR_ARGUMENTS
  n=$1
  shift
  tar --create --file "layer$n.tar" --format=posix --xattrs --xattrs-include='*' --sort=name --numeric-owner \
    --pax-option=delete=atime,delete=ctime "$@"
}
tar_layer 1 --directory layers/1 .
tar_layer 2 --directory layers/2 .
# Not the directories themselves: what is in them implies them.
tar_layer 3 --directory layers/3 var/.wh.old var/old home/user/mine
tar_layer 4 --directory layers/4 .

# 5: a hard link alone, to a file of layer 1.
mkdir -p layers/5/bin
cp layers/1/bin/busybox layers/5/bin/
ln layers/5/bin/busybox layers/5/bin/zcat
tar_layer 5 --directory layers/5 bin/busybox bin/zcat
tar --delete --file layer5.tar bin/busybox

umoci init --layout image
umoci new --image image:app
for n in 1 2 3 4 5; do
  umoci raw add-layer --image image:app "layer$n.tar"
done
umoci unpack --image image:app bundle
mv bundle/rootfs rootfs
tar --create --file image.tar --directory image .

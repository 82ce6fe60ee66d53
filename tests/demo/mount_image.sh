#!/bin/bash
# Mounts an image of the cache as a sandbox would see it and shows it. Usage: mount_image.sh FSMETA LAYER...
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
    echo 'not root: the image is not mounted'
    exit 0
fi
mountpoint=$(mktemp -d)
loops=()
mounted=false
cleanup() {
    if $mounted; then umount "$mountpoint"; fi
    for loop in "${loops[@]}"; do losetup --detach "$loop"; done
    rmdir "$mountpoint"
}
trap cleanup EXIT

for file in "$@"; do
    loops+=("$(losetup --find --show --read-only "$file")") || {
        echo 'no loop device to be had: the image is not mounted'
        exit 0
    }
done
options=ro
for loop in "${loops[@]:1}"; do options+=",device=$loop"; done
if ! mount -t erofs -o "$options" "${loops[0]}" "$mountpoint"; then
    echo 'this kernel does not mount EROFS with several devices: the image is not mounted'
    exit 0
fi
mounted=true
(cd "$mountpoint" && ls -l bin/greet bin/busybox etc)
echo "\$ cat etc/motd"
cat "$mountpoint/etc/motd"
if command -v getcap >/dev/null; then (cd "$mountpoint" && getcap bin/greet); fi

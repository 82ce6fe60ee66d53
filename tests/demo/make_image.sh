#!/bin/bash
# Makes a small but real image, as `docker save` would: busybox in one layer, and a second layer that changes a file,
# deletes one and gives a program a file capability. Usage: make_image.sh BUSYBOX OUT.tar
set -euo pipefail

busybox=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tar_layer() { # DIR OUT: the same bytes each time
    tar --create --file "$2" --directory "$1" --format=posix --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime=2026-01-01T00:00:00Z --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
        --xattrs --xattrs-include='*' .
}

mkdir -p "$work"/base/{bin,dev,etc,proc,root,sys,tmp} "$work"/app/{bin,etc}
chmod 1777 "$work/base/tmp"
chmod 700 "$work/base/root"
install -m 755 "$busybox" "$work/base/bin/busybox"
for tool in sh ls cat echo mkdir sleep ping; do
    ln -s busybox "$work/base/bin/$tool"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/base/etc/passwd"
echo 'to be replaced' >"$work/base/etc/motd"
echo 'to be deleted' >"$work/base/etc/obsolete"

echo 'Welcome to the demo image.' >"$work/app/etc/motd"
touch "$work/app/etc/.wh.obsolete"
printf '#!/bin/sh\nexec cat /etc/motd\n' >"$work/app/bin/greet"
chmod 755 "$work/app/bin/greet"
if command -v setcap >/dev/null && [ "$(id -u)" = 0 ]; then
    setcap cap_net_raw+ep "$work/app/bin/greet" 2>/dev/null || echo 'make_image.sh: this file system keeps no capabilities' >&2
fi

tar_layer "$work/base" "$work/base.tar"
tar_layer "$work/app" "$work/app.tar"
base=$(sha256sum <"$work/base.tar" | cut -d' ' -f1)
app=$(sha256sum <"$work/app.tar" | cut -d' ' -f1)
architecture=$(dpkg --print-architecture)

mkdir -p "$work/image/$base" "$work/image/$app"
mv "$work/base.tar" "$work/image/$base/layer.tar"
mv "$work/app.tar" "$work/image/$app/layer.tar"
cat >"$work/image/config.json" <<EOF
{"architecture":"$architecture","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/greet"],"WorkingDir":"/root","User":"0:0","StopSignal":"SIGTERM","Labels":{"org.opencontainers.image.title":"demo"}},"rootfs":{"type":"layers","diff_ids":["sha256:$base","sha256:$app"]}}
EOF
config=$(sha256sum <"$work/image/config.json" | cut -d' ' -f1)
mv "$work/image/config.json" "$work/image/$config.json"
cat >"$work/image/manifest.json" <<EOF
[{"Config":"$config.json","RepoTags":["demo/busybox:1"],"Layers":["$base/layer.tar","$app/layer.tar"]}]
EOF
tar --create --file "$out" --directory "$work/image" --sort=name --owner=0 --group=0 --mtime=@0 .

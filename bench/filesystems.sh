#!/usr/bin/env bash
# Times what is done with snapshots on each file system, and shows how much of the disk it took, as a Markdown table.
# As root; file systems live on loop devices in a temporary folder. Usage: filesystems.sh MSBCTL [MiB of data]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
msbctl=$(realpath "$1")
data=${2:-256}

work=$(mktemp -d)
mounts=()
cleanup() {
  local i
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}"; done
  rm -rf "$work"
}
trap cleanup EXIT

# mounted KIND: a file system of that kind below $work/KIND; fails where it cannot be had.
mounted() {
  local kind=$1 disk=$work/$1.img at=$work/$1
  mkdir "$at"
  case $kind in
    tmpfs) mount -t tmpfs none "$at" ;;
    overlay)
      mounted ext4 || return
      mkdir "$work/ext4"/{lower,upper,work}
      mount -t overlay none -o "lowerdir=$work/ext4/lower,upperdir=$work/ext4/upper,workdir=$work/ext4/work" "$at" ;;
    *)
      truncate -s $((data * 8 + 1024))M "$disk"
      case $kind in
        ext4) mkfs.ext4 -q "$disk" ;;
        *) "mkfs.$kind" "$disk" >/dev/null ;;
      esac &&
        mount -o loop "$disk" "$at" ;;
  esac 2>/dev/null || return 1
  mounts+=("$at")
}

used() { sync -f "$1"; df --output=used -k "$1" | tail -n 1; }

quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && return 1; }; }

# timed FOLDER COMMAND...: milliseconds and MiB of disk that a command took, as a cell.
timed() {
  local folder=$1 before begin end after
  shift
  before=$(used "$folder")
  begin=$(date +%s%N)
  quietly "$@"
  end=$(date +%s%N)
  after=$(used "$folder")
  printf ' %d ms, %d MiB |' $(((end - begin) / 1000000)) $(((after - before + 512) / 1024))
}

"$here/../tests/demo/make_image.sh" "$(command -v busybox)" "$work/image.tar" 2>/dev/null
head -c "${data}M" /dev/urandom >"$work/data"
echo "$data MiB of random data in a disk of 4 GiB; each cell: time, and growth of the file system"
echo
echo "| file system | create | create, integrity | verify | fork | export .tar.zst | export .tar | import | remove |"
echo "|---|---|---|---|---|---|---|---|---|"
for kind in ext4 xfs btrfs tmpfs overlay; do
  if [[ $kind == overlay ]]; then # stands on an ext4 of its own
    umount "${mounts[0]}" && mounts=("${mounts[@]:1}") && rm -rf "$work/ext4" "$work/ext4.img"
  fi
  if ! mounted "$kind"; then
    echo "| $kind | not to be had here |"
    continue
  fi
  at=$work/$kind
  export MSB_HOME=$at/home
  other=$at/other
  quietly "$msbctl" image load --input "$work/image.tar"
  quietly "$msbctl" sandbox create base --image demo/busybox:1
  dd if="$work/data" of="$MSB_HOME/sandboxes/base/upper.ext4" bs=1M seek=1024 conv=notrunc status=none
  printf '| %s |' "$kind"
  timed "$at" "$msbctl" snapshot create plain --from base
  timed "$at" "$msbctl" snapshot create proven --from base --integrity
  timed "$at" "$msbctl" snapshot verify proven
  timed "$at" "$msbctl" sandbox create fork --from-snapshot proven
  timed "$at" "$msbctl" snapshot export proven "$at/proven.tar.zst" --with-image
  timed "$at" "$msbctl" snapshot export proven "$at/proven.tar" --plain-tar
  rm "$at/proven.tar"
  timed "$at" "$msbctl" --home "$other" snapshot import "$at/proven.tar.zst"
  timed "$at" "$msbctl" snapshot rm plain
  echo
done

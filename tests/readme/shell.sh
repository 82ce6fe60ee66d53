#!/usr/bin/env bash
# Runs what README.md shows for a shell, as it stands. Usage: shell.sh MSBCTL
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$(dirname "$(realpath "$1")"):$PATH

busybox=$(command -v busybox) || { echo "skipped: no busybox to make an image of, install busybox-static"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/../demo/make_image.sh" "$busybox" "$work/image.tar"

lines=$(awk '/^```sh$/ { inside = 1; block = ""; next }
             /^```$/ { if (inside && block ~ /^msbctl /) printf "%s", block; inside = 0 }
             inside { block = block $0 "\n" }' "$here/../../README.md")
[[ $lines == *"sandbox create fork"* ]] || { echo "README.md shows no shell any more" >&2; exit 1; }
cd "$work"
MSB_HOME=$work/home bash -euxc "$lines"

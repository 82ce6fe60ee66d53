#!/usr/bin/env bash
# Runs what a page of the guide shows for a shell, in order, as one session in an empty folder that has image.tar.
# Usage: shell.sh MSBCTL PAGE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
document=$(realpath "$2")
PATH=$(dirname "$(realpath "$1")"):$PATH

busybox=$(command -v busybox) || { echo "skipped: no busybox to make an image of, install busybox-static"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/../demo/make_image.sh" "$busybox" "$work/image.tar"

lines=$(awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$document")
[[ $lines == *msbctl* ]] || { echo "$2 shows no shell any more" >&2; exit 1; }
cd "$work"
MSB_HOME=$work/home bash -euxc "$lines"

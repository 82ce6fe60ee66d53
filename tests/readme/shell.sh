#!/usr/bin/env bash
# Runs what a document shows for a shell, in order, as one session in an empty folder that has image.tar. In README.md
# those are the blocks that begin with msbctl; in the guide all of them. Usage: shell.sh MSBCTL DOCUMENT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
document=$(realpath "$2")
PATH=$(dirname "$(realpath "$1")"):$PATH

busybox=$(command -v busybox) || { echo "skipped: no busybox to make an image of, install busybox-static"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/../demo/make_image.sh" "$busybox" "$work/image.tar"

[[ $document == */README.md ]] && only='^msbctl ' || only='.'
lines=$(awk -v only="$only" '/^```sh$/ { inside = 1; block = ""; next }
             /^```$/ { if (inside && block ~ only) printf "%s", block; inside = 0 }
             inside { block = block $0 "\n" }' "$document")
[[ $lines == *msbctl* ]] || { echo "$2 shows no shell any more" >&2; exit 1; }
cd "$work"
MSB_HOME=$work/home bash -euxc "$lines"

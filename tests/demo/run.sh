#!/usr/bin/env bash
# Makes an image on the spot and runs the demo on it, in a home of its own. Usage: run.sh DEMO_PROGRAM
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

busybox=$(dpkg -L busybox-static 2>/dev/null | grep -m 1 '/bin/busybox$') || busybox=$(command -v busybox) || {
  echo "skipped: no busybox to make an image of, install busybox-static"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/make_image.sh" "$busybox" "$work/image.tar"
"$1" "$work/home" "$work/image.tar" "$work/other" "$work" "$here"

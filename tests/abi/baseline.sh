#!/usr/bin/env bash
# baseline.sh check [CC]: is the header of today compatible with the released one?
# baseline.sh update [CC]: takes the header of today as the baseline.
#
# Both are seen through a stub library made from the header, so that nothing but the header matters. Functions and
# enumerators may be added, and structs that begin with struct_size may grow at their end; anything else breaks programs
# that were compiled before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v abidiff >/dev/null || { echo "skipped: abidiff is missing, install abigail-tools"; exit 77; }

baseline="baseline-0.1.abi"
include=../../include
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/stub"
python3 -B stub.py code "$include/microsandbox.h" >"$work/stub/stub.c"
"${2:-cc}" -std=c99 -g -O0 -fPIC -shared -fno-eliminate-unused-debug-types -I "$include" \
  -fdebug-prefix-map="$work/stub=stub" -fdebug-prefix-map="$(realpath "$include")=include" \
  -Wl,-soname,libmicrosandbox.so.0 -Wl,--version-script=../../src/capi/libmicrosandbox.map \
  -o "$work/libmicrosandbox.so" "$work/stub/stub.c"
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --load-all-types --out-file "$work/today.abi" \
  "$work/libmicrosandbox.so"

case ${1:-check} in
  update) cp "$work/today.abi" "$baseline" ;;
  check)
    python3 -B stub.py suppressions "$include/microsandbox.h" >"$work/growing.suppr"
    abidiff --no-added-syms --non-reachable-types --no-show-locs --suppressions "$work/growing.suppr" \
      "$baseline" "$work/today.abi" || {
        echo "The ABI of the header has changed. If that is meant, and no release has the old one: ./dev abi-update"
        exit 1
      }
    ;;
  *) echo "usage: baseline.sh check|update [CC]"; exit 2 ;;
esac

#!/usr/bin/env bash
# The header, every declaration and every INIT compile without a remark as C99 and as C++11, and clang agrees with the
# documentation. Usage: compile.sh CC CXX
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

code=$(python3 -B stub.py code ../../include/microsandbox.h)
compile() { echo "$*"; "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I ../../include - <<<"$code"; }

compile "$1" -std=c99 -x c
compile "$2" -std=c++11 -x c++
if command -v clang >/dev/null; then
  compile clang -std=c99 -x c -Wdocumentation
  compile clang++ -std=c++11 -x c++ -Wdocumentation
else
  echo "skipped: -Wdocumentation needs clang"
  exit 77
fi

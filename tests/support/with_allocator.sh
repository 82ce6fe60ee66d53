#!/bin/sh
# Runs a command with the allocator of a library in place of libc's. Usage: with_allocator.sh SONAME COMMAND...
allocator=$1
shift
if ! LD_PRELOAD=$allocator /bin/true 2>&1 | { ! grep -q .; }; then
  echo "skipped: needs $allocator"
  exit 77
fi
LD_PRELOAD=$allocator exec "$@"

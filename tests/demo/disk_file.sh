#!/bin/bash
# Puts a file into the disk of a sandbox that does not run, or shows it, without mounting the disk.
# Usage: disk_file.sh put|show UPPER NAME
set -euo pipefail

action=$1
disk=$2
path=/upper/$3 # what a sandbox sees as /NAME
case $action in
put)
    content=$(mktemp)
    trap 'rm -f "$content"' EXIT
    echo 'Hello from the sandbox that was.' >"$content"
    debugfs -w -R "write $content $path" "$disk" >/dev/null 2>&1
    ;;
show)
    shown=$(debugfs -R "cat $path" "$disk" 2>/dev/null)
    echo "   $path: $shown"
    [ -n "$shown" ] # debugfs succeeds whatever happens
    ;;
esac
e2fsck -fn "$disk" >/dev/null 2>&1 || {
    echo "disk_file.sh: the file system of $disk is damaged" >&2
    exit 1
}

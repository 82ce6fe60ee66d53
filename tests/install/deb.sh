#!/usr/bin/env bash
# Packs the build as Debian packages, installs them in a Debian 12 that holds nothing else, and uses them there: msbctl,
# the manual, and the program of README.md. Needs root and a Debian mirror. Usage: deb.sh BUILD_DIR
set -euo pipefail

build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
skip() { echo "skipped: $*"; exit 77; }

[[ $EUID == 0 ]] || skip "a bare Debian takes root to make"
command -v mmdebstrap dpkg-shlibdeps >/dev/null || skip "no mmdebstrap or dpkg-dev"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

logged() { "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }; }

logged cpack --config "$build/CPackConfig.cmake" -B "$work/packages"
packages=("$work"/packages/*.deb)
for package in libmicrosandbox0 libmicrosandbox0-dbgsym libmicrosandbox-dev msbctl; do
  compgen -G "$work/packages/${package}_*.*deb" >/dev/null || { echo "no package $package" >&2; exit 1; }
done

mkdir "$work/debian"
mmdebstrap --quiet --variant=minbase bookworm "$work/debian" >"$work/log" 2>&1 || {
  tail -n 3 "$work/log"
  skip "no bare Debian to be had"
}
cp "${packages[@]}" "$work/debian/tmp/"
# shellcheck disable=SC2016  # the block between ```c and ``` lines
sed -n '/^```c$/,/^```$/{//!p}' "$here/../../README.md" >"$work/debian/tmp/program.c"
cat >"$work/debian/tmp/use.sh" <<'USE'
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root
apt-get update -qq
apt-get install -y -qq --no-install-recommends /tmp/*.deb gcc pkg-config >/dev/null
test -f /usr/share/man/man1/msbctl.1 -a -f /usr/share/man/man3/microsandbox.3
msbctl --version
msbctl image ls
cc /tmp/program.c -o /tmp/program $(pkg-config --cflags --libs microsandbox)
/tmp/program
apt-get remove -y -qq libmicrosandbox0 >/dev/null
if [ -e /usr/bin/msbctl ]; then echo 'msbctl is still there' >&2; exit 1; fi
USE
logged chroot "$work/debian" sh /tmp/use.sh
grep -q '^msbctl ' "$work/log" || { cat "$work/log" >&2; exit 1; }
echo "installed and used: $(cd "$work/packages" && echo *.deb)"

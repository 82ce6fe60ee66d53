#!/usr/bin/env bash
# Builds the wheel against the library as it is installed, installs it into an empty environment, and runs the tests there.
# Usage: test.sh BUILD_DIR PYTHON. What is fetched is kept in BUILD_DIR/python and used again.
set -euo pipefail

build=$1 python=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

logged() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

# Tools and the one dependency, fetched once for this list and this Python.
stamp=$(cat "$here/requirements-test.txt" <("$python" -VV) | sha256sum | cut -d' ' -f1)
kept=$build/python/${stamp:0:16} tools=$build/python/${stamp:0:16}/tools
if [[ ! -e $kept/complete ]]; then
  rm -rf "$kept"
  logged "$python" -m venv "$tools"
  logged "$tools/bin/pip" download --quiet --dest "$kept/wheels" -r "$here/requirements-test.txt"
  logged "$tools/bin/pip" install --quiet --no-index --find-links "$kept/wheels" -r "$here/requirements-test.txt"
  touch "$kept/complete"
fi

for component in runtime development; do
  logged cmake --install "$build" --prefix "$work/prefix" --component "$component"
done
library_dir=$(dirname "$(find "$work/prefix" -name libmicrosandbox.so)")
export PKG_CONFIG_PATH=$library_dir/pkgconfig

cp -r "$here" "$work/source"
cp "$here/../../LICENSE" "$work/source"
logged "$tools/bin/pip" wheel --no-build-isolation --no-deps --no-index --wheel-dir "$work/plain" "$work/source"
glibc=$(getconf GNU_LIBC_VERSION)
glibc=${glibc#* }
PATH=$tools/bin:$PATH LD_LIBRARY_PATH=$library_dir logged \
  auditwheel repair --plat "manylinux_${glibc/./_}_$(uname -m)" --wheel-dir "$work/dist" "$work"/plain/*.whl
rm -rf "$work/prefix" # from here on there is only what the wheel brings

logged "$python" -m venv "$work/empty"
logged "$work/empty/bin/pip" install --quiet --no-index --find-links "$kept/wheels" "$work"/dist/*.whl

mkdir "$work/run"
cd "$work/run"
export MSB_TEST_SOURCE=$here MSB_TEST_WHEEL MSB_TEST_MYPY=$tools/bin/mypy
MSB_TEST_WHEEL=$(echo "$work"/dist/*.whl)
"$work/empty/bin/python" -W error::ResourceWarning -m unittest discover --start-directory "$here/tests" "${@:3}"

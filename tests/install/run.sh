#!/usr/bin/env bash
# Installs the build, moves what was installed, and builds and runs the program of README.md against it as others would.
# Usage: run.sh pkg-config|package|embedded|command|loader BUILD_DIR CC
set -euo pipefail

way=$1 build=$2 cc=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

program=$work/program.c
# shellcheck disable=SC2016  # the block between ```c and ``` lines
sed -n '/^```c$/,/^```$/{//!p}' "$here/../../README.md" >"$program"
export MSB_HOME=$work/home

logged() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

# installed NAME COMPONENT...: a prefix with these components, at a place that the build never heard of.
installed() {
  local prefix=$work/$1 component
  shift
  for component in "$@"; do
    logged cmake --install "$build" --prefix "$work/first" --component "$component"
  done
  mv "$work/first" "$prefix"
  echo "$prefix"
}

library_dir() { dirname "$(find "$1" -name 'libmicrosandbox.*' | head -n 1)"; }

# cmake_project SOURCE NAME ARG...: configures, builds and runs a consumer.
cmake_project() {
  local source=$1 out=$work/$2
  shift 2
  logged cmake -S "$source" -B "$out" -G Ninja -DCMAKE_C_COMPILER="$cc" -DPROGRAM="$program" "$@"
  logged cmake --build "$out" --target consumer
  "$out/consumer"
}

case $way in
  pkg-config)
    shared=$(installed shared runtime development)
    static=$(installed static development static)
    rm -f "$(library_dir "$static")"/libmicrosandbox.so*

    export PKG_CONFIG_PATH
    PKG_CONFIG_PATH=$(library_dir "$shared")/pkgconfig
    # shellcheck disable=SC2046  # flags are words
    "$cc" "$program" -o "$work/a" $(pkg-config --cflags --libs microsandbox)
    LD_LIBRARY_PATH=$(library_dir "$shared") "$work/a"

    PKG_CONFIG_PATH=$(library_dir "$static")/pkgconfig
    # shellcheck disable=SC2046
    "$cc" "$program" -o "$work/b" $(pkg-config --static --cflags --libs microsandbox)
    "$work/b"

    # Also where the shared library lies beside it.
    PKG_CONFIG_PATH=$(library_dir "$(installed both runtime development static)")/pkgconfig
    # shellcheck disable=SC2046
    "$cc" "$program" -o "$work/c" $(pkg-config --cflags --libs microsandbox-static)
    "$work/c"
    ! readelf -d "$work/c" | grep libmicrosandbox || { echo "the shared library is linked"; exit 1; }
    ;;
  package)
    prefix=$(installed all runtime development static)
    cmake_project "$here/package" shared -DLINK=shared -DCMAKE_PREFIX_PATH="$prefix"
    cmake_project "$here/package" static -DLINK=static -DCMAKE_PREFIX_PATH="$prefix"
    ;;
  embedded)
    cmake_project "$here/embedded" embedded -DCMAKE_BUILD_TYPE=None
    ;;
  command)
    prefix=$(installed command runtime cli)
    PATH=$prefix/bin:/usr/bin:/bin
    msbctl image ls
    for name in bash-completion/completions/msbctl zsh/vendor-completions/_msbctl fish/vendor_completions.d/msbctl.fish
    do
      test -s "$prefix/share/$name" || { echo "no completion: $name"; exit 1; }
    done
    for page in msbctl msbctl-image msbctl-snapshot msbctl-sandbox; do
      test -s "$prefix/share/man/man1/$page.1" || { echo "no man page: $page"; exit 1; }
    done
    ;;
  loader)
    ((EUID == 0)) || { echo "skipped: needs root, for a /usr/local of its own"; exit 77; }
    # In /usr/local, where the loader looks once it is told, and elsewhere, where it is said what to do.
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount bash -euc '
      build=$1 work=$2 program=$3 cc=$4
      mount -t tmpfs none "$work"
      for place in etc usr/local; do
        mkdir -p "$work/$place"/{upper,work}
        mount -t overlay overlay -o "lowerdir=/$place,upperdir=$work/$place/upper,workdir=$work/$place/work" "/$place"
      done
      said=$(for part in runtime development; do cmake --install "$build" --prefix /usr/local --component $part; done 2>&1)
      ! grep "loader does not look" <<<"$said"
      cp "$program" "$work/program.c"
      PKG_CONFIG_PATH=/usr/local/lib/pkgconfig
      export PKG_CONFIG_PATH
      read -ra flags <<<"$(pkg-config --cflags --libs microsandbox)"
      "$cc" "$work/program.c" "${flags[@]}" -o "$work/program"
      MSB_HOME=$work/home "$work/program"
      said=$(cmake --install "$build" --prefix "$work/elsewhere" --component runtime 2>&1)
      grep -F "The loader does not look into $work/elsewhere/lib" <<<"$said"
      grep -qF -- "-Wl,-rpath,$work/elsewhere/lib" <<<"$said"
    ' loader "$build" "$(mktemp -d -p "$work")" "$program" "$cc"
    ;;
  *) echo "usage: run.sh pkg-config|package|embedded|command|loader BUILD_DIR CC"; exit 2 ;;
esac

#!/usr/bin/env bash
# Tests the Go module against the library as it is installed. Usage: test.sh BUILD_DIR GO
set -euo pipefail

build=$1 go=$2
prefix=$build/bindings/go/prefix
rm -rf "$prefix"
for component in runtime development; do
  cmake --install "$build" --prefix "$prefix" --component "$component" >/dev/null
done
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libmicrosandbox.so)")
export LD_LIBRARY_PATH PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig
export GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-mod=readonly
# Go caches what cgo made of a package by the flags in the environment; neither by the header nor by what pkg-config says.
library=$(cat "$prefix/include/microsandbox.h" <(echo "$prefix") | sha256sum | cut -c 1-16)
CGO_CFLAGS="-g -O2 -DLIBRARY_$library"
export CGO_CFLAGS
export GOCACHE=${GOCACHE:-$build/bindings/go/cache}

cd "$(dirname "${BASH_SOURCE[0]}")"
"$go" version
unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l .)
[[ -z $unformatted ]] || { printf 'gofmt would change %s\n' "$unformatted"; exit 1; }
"$go" vet ./...
"$go" test -race -count=1 ./...

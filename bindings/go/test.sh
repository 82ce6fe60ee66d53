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
# Go caches what cgo made of a header by its flags, not by its content.
CGO_CFLAGS="-g -O2 -DHEADER_$(sha256sum <"$prefix/include/microsandbox.h" | cut -c 1-16)"
export CGO_CFLAGS
export GOCACHE=${GOCACHE:-$build/bindings/go/cache}

cd "$(dirname "${BASH_SOURCE[0]}")"
"$go" version
unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l .)
[[ -z $unformatted ]] || { printf 'gofmt would change %s\n' "$unformatted"; exit 1; }
"$go" vet ./...
"$go" test -race -count=1 ./...

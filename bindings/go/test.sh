#!/usr/bin/env bash
# Tests the Go module against the library as it is installed. Usage: test.sh BUILD_DIR GO
set -euo pipefail

build=$1 go=$2
prefix=$build/bindings/go/prefix
rm -rf "$prefix"
for component in runtime development static; do
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

# What is said without cgo, what `go doc` finds, and that a static program is one although the shared library lies there.
said=$(CGO_ENABLED=0 "$go" build . 2>&1) && { echo "built without cgo"; exit 1; }
grep -q 'set_CGO_ENABLED_1_and_install' <<<"$said" || { echo "without cgo it says: $said"; exit 1; }
[[ $(wc -l <<<"$said") -le 3 ]] || { echo "without cgo it says too much: $said"; exit 1; }
for symbol in ImageFactory.List SnapshotFactory.Create HomeFactory.Inspect; do
  [[ $("$go" doc "$symbol" | wc -l) -ge 4 ]] || { echo "go doc knows little of $symbol"; exit 1; }
done
"$go" test -c -tags microsandbox_static -o "$prefix/static.test" ./internal/capi
! readelf -d "$prefix/static.test" | grep libmicrosandbox || { echo "the shared library is linked"; exit 1; }
"$prefix/static.test" -test.run Attachments

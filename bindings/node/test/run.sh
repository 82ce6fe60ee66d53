#!/usr/bin/env bash
# Packs the binding with npm, installs the tarball in an empty folder, and tests what is installed there.
# Usage: run.sh package|test|types BUILD_DIR WORK_DIR
set -euo pipefail

part=$1 build=$2 work=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../../.." && pwd)
command -v npm >/dev/null || { echo "skipped: no npm, install nodejs and npm"; exit 77; }

prefix=$work/prefix stage=$work/stage consumer=$work/consumer
export npm_config_cache=$work/npm-cache npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

logged() { "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; exit 1; }; }

# Nothing is written to the source tree: the package is made in a copy of it, which keeps what npm and CMake built there.
package() {
  local pc
  mkdir -p "$stage"
  rm -rf "$prefix" "$consumer" "$stage"/{src,native,scripts,dist,prebuilds} "$stage"/*.tgz
  for component in runtime development; do
    logged cmake --install "$build" --prefix "$prefix" --component "$component"
  done
  pc=$(find "$prefix" -name microsandbox.pc)
  export PKG_CONFIG_PATH=${pc%/*}

  cp -a "$here"/../{README.md,package.json,package-lock.json,tsconfig.json,src,native,scripts} "$project/LICENSE" "$stage"
  cd "$stage"
  if ! cmp -s package-lock.json node_modules/.for-lock; then
    logged npm ci --ignore-scripts --prefer-offline
    cp package-lock.json node_modules/.for-lock
  fi
  logged npm pack --foreground-scripts

  mkdir -p "$consumer"
  cd "$consumer"
  logged npm init --yes
  logged npm install --offline "$stage"/*.tgz
  cp -a "$here" "$here/../examples" .
}

# Machines run what is in the image; without a shell for them, any program will do for all the other tests.
image() {
  local program
  program=$(dpkg -L busybox-static 2>/dev/null | grep -m 1 '/bin/busybox$') || program=$(command -v busybox) || {
    program=/bin/cat
    export MSB_TEST_NO_SHELL="no shell for machines: install busybox-static"
  }
  "$project/tests/demo/make_image.sh" "$program" "$work/image.tar" 2>/dev/null
}

case $part in
  package) package ;;
  test)
    image
    cd "$consumer"
    export MSB_TEST_IMAGE=$work/image.tar MSB_STATUS_TABLE=$project/src/base/status.def
    export MSB_REGISTRY_LAB=$project/tests/support/registry_lab.py
    node --test test/*.test.mjs
    for allocator in libjemalloc.so.2 libtcmalloc_minimal.so.4; do
      "$project/tests/support/with_allocator.sh" $allocator node --test test/pull.test.mjs || [[ $? == 77 ]]
    done
    ;;
  types)
    cd "$consumer"
    # As Node resolves, for import and require; then as bundlers do, which know of import alone.
    check() {
      "$stage/node_modules/.bin/tsc" --noEmit --strict --target es2022 --lib es2022,esnext.disposable \
        --typeRoots "$stage/node_modules/@types" --types node "$@"
    }
    check --module node16 --moduleResolution node16 test/*.types.mts test/*.types.cts
    check --module es2022 --moduleResolution bundler test/*.types.mts
    # The declarations are all that programs for older engines see.
    mkdir -p older
    echo 'import { Snapshot, type SnapshotVerifyReport } from "microsandbox"; export const use: [typeof Snapshot, SnapshotVerifyReport?] = [Snapshot];' >older/use.ts
    for edition in es2018 es2020 es2021; do
      "$stage/node_modules/.bin/tsc" --noEmit --strict --target $edition --lib $edition --module node16 \
        --moduleResolution node16 --typeRoots "$stage/node_modules/@types" --types node older/use.ts
    done
    ;;
  *) echo "usage: run.sh package|test|types BUILD_DIR WORK_DIR"; exit 2 ;;
esac

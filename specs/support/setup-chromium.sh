#!/usr/bin/env bash
# Makes a Chromium available to the browser specs: the machine's own, else Debian's package where we may install one.
# Where none can be had it says what to install and succeeds: the specs that need one are skipped then.
set -euo pipefail
for program in "${CHROMIUM:-}" "$(command -v chromium || true)" "$(command -v chromium-browser || true)" "$(command -v google-chrome || true)"; do
  if [ -n "$program" ] && [ -x "$program" ]; then exit 0; fi
done
give_up() {
  echo "No Chromium here ($1): install it (Debian: apt-get install chromium), or name one in CHROMIUM, to have the" >&2
  echo "browser specs run and pictures made. Going on without." >&2
  exit 0
}
command -v apt-get >/dev/null || give_up 'no apt-get'
[ "$(id -u)" = 0 ] || give_up 'not root, who may install it'
install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium >/dev/null 2>&1; }
install || { apt-get update -q >/dev/null 2>&1 && install; } || give_up "apt-get can't get it"
chromium --version

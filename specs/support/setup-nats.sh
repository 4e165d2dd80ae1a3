#!/usr/bin/env bash
# Makes a nats-server available to specs and demo: the machine's own, else Debian's package unpacked (not installed, so
# that no service starts) under node_modules. Where neither can be had it says what to install and succeeds: the specs
# that need one are skipped then.
set -euo pipefail
cd "$(dirname "$0")/../.."
unpacked=node_modules/.nats-server
for program in "$(command -v nats-server || true)" /usr/sbin/nats-server "$unpacked/usr/sbin/nats-server"; do
  if [ -x "$program" ]; then exit 0; fi
done
give_up() {
  echo "No nats-server here ($1): install it (Debian: apt-get install nats-server; others: https://nats.io) to have" >&2
  echo "its specs run and the demo work. Going on without." >&2
  exit 0
}
command -v apt-get >/dev/null || give_up 'no apt-get'
mkdir -p "$unpacked"
download() (cd "$unpacked" && apt-get download -q nats-server >/dev/null 2>&1)
download || { [ "$(id -u)" = 0 ] && apt-get update -q >/dev/null 2>&1 && download; } || give_up "apt-get can't get it"
dpkg-deb -x "$unpacked"/nats-server_*.deb "$unpacked"
rm "$unpacked"/nats-server_*.deb
"$unpacked/usr/sbin/nats-server" --version

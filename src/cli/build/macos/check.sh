#!/bin/sh
# Checks an installation on macOS, as root, and says what is wrong: sudo ./check.sh
# Its makers have no Mac. Please send what it prints with a report.
set -u

extension=/usr/local/lib/osquery/extensions/bro-osquery.ext
socket=/var/osquery/osquery.em
failures=0

check() { # WHAT COMMAND...
  what=$1
  shift
  if said=$("$@" 2>&1); then
    echo "ok       $what"
  else
    failures=$((failures + 1))
    echo "problem  $what"
    echo "$said" | sed 's/^/           /'
  fi
}

owned_safely() { [ "$(stat -f '%u %Lp' "$extension")" = '0 755' ]; }
registered() { osqueryi --connect "$socket" --line 'SELECT name FROM osquery_extensions' | grep -q bro-osquery; }
pid() { "$extension" status --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p' | head -1; }
starts_again() {
  before=$(pid)
  [ -n "$before" ] && kill -9 "$before" || return 1
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    sleep 1
    after=$(pid 2> /dev/null || true)
    if [ -n "$after" ] && [ "$after" != "$before" ]; then return 0; fi
  done
  return 1
}

sw_vers
uname -m
check 'osqueryd is there' command -v osqueryd
check 'the signature is whole' codesign --verify --verbose "$extension"
check 'the executable runs' "$extension" --version
check 'root owns it and nobody else may write it' owned_safely
check 'flags, configuration and list of extensions are as setup writes them' "$extension" setup --undo --dry-run
check 'osqueryd runs' pgrep -x osqueryd
check 'osqueryd knows the extension' registered
check 'the extension answers' "$extension" status
check 'doctor finds nothing wrong' "$extension" doctor
check 'a configuration is read again on SIGHUP' kill -HUP "$(pid)"
check 'osqueryd starts a killed extension again' starts_again

if [ "$failures" -gt 0 ]; then echo "$failures problems"; exit 1; fi
echo 'all is right'

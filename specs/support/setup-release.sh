#!/usr/bin/env bash
# Has the programs that only a release needs: rpmbuild, zip, and LLVM's llvm-objcopy, from Debian's packages where they
# may be installed, else it says what to install and fails.
set -euo pipefail
missing=()
command -v rpmbuild >/dev/null || missing+=(rpm)
command -v zip >/dev/null || missing+=(zip)
command -v llvm-objcopy >/dev/null || missing+=(llvm)
command -v dpkg-deb >/dev/null || missing+=(dpkg)
if [ ${#missing[@]} = 0 ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; }
  if install || { apt-get update -q >/dev/null 2>&1 && install; }; then exit 0; fi
fi
echo "A release needs these programs: install them (Debian: apt-get install ${missing[*]})." >&2
exit 1

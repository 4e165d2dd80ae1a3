#!/bin/sh
# Installs bro-osquery beside osquery's own package on macOS: sudo ./install.sh --zeek ADDRESS
# All options are those of `bro-osquery setup`. Not run by its makers, who have no Mac: check.sh checks what it did.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=/usr/local/lib/osquery/extensions
extension=$folder/bro-osquery.ext

if [ "$(uname -s)" != Darwin ]; then echo "error: this is for macOS" >&2; exit 1; fi
if [ "$(id -u)" != 0 ]; then echo "error: run it as root: sudo $0 $*" >&2; exit 1; fi

# What a browser has downloaded does not run until one says so.
xattr -d com.apple.quarantine "$here/bro-osquery.ext" 2> /dev/null || true
codesign --verify "$here/bro-osquery.ext"

mkdir -p "$folder" /usr/local/bin /usr/local/share/man
chown root:wheel "$folder"
chmod 0755 "$folder"
install -o root -g wheel -m 0755 "$here/bro-osquery.ext" "$extension.new"
mv -f "$extension.new" "$extension"
ln -sf "$extension" /usr/local/bin/bro-osquery
cp -R "$here/man/." /usr/local/share/man/

"$extension" setup "$@"

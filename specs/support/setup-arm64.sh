#!/usr/bin/env bash
# Has what runs programs for Linux on arm64: qemu-aarch64-static, and Debian's libraries of that processor, unpacked under
# .cache (nothing is installed, and the machine's apt learns of no other architecture). Where it can't be had it says
# what to install and fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder="$PWD/.cache/arm64"
root="$folder/root"
packages=(libc6 libstdc++6 libgcc-s1 libatomic1)
if [ -x "$folder/qemu-aarch64-static" ] && [ -e "$root/lib/aarch64-linux-gnu/libc.so.6" ]; then exit 0; fi
give_up() {
  echo "Nothing for arm64 can be run here ($1): install Debian's qemu-user-static, and put arm64's ${packages[*]}" >&2
  echo "under $root." >&2
  exit 1
}
command -v apt-get >/dev/null || give_up 'no apt-get'
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/debs" "$root"
: >"$folder/apt/status"
cd "$folder/debs"

# A private apt: its own lists, and arm64 as its architecture.
private=(-q -o "Dir::State=$folder/apt" -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::State::Status=$folder/apt/status"
  -o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User=root -o APT::Architecture=arm64 -o APT::Architectures::=arm64)
{ apt-get "${private[@]}" update && apt-get "${private[@]}" download "${packages[@]}"; } >"$folder/apt/log" 2>&1 ||
  give_up "apt-get says: $(tail -1 "$folder/apt/log")"
for deb in *.deb; do dpkg-deb -x "$deb" "$root"; done
rm -f ./*.deb

if command -v qemu-aarch64-static >/dev/null; then
  ln -sf "$(command -v qemu-aarch64-static)" "$folder/qemu-aarch64-static"
else
  apt-get -q download qemu-user-static >>"$folder/apt/log" 2>&1 || give_up "apt-get says: $(tail -1 "$folder/apt/log")"
  dpkg-deb -x qemu-user-static_*.deb "$folder/qemu"
  rm -f ./*.deb
  ln -sf "$folder/qemu/usr/bin/qemu-aarch64-static" "$folder/qemu-aarch64-static"
fi

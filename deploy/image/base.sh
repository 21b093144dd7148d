#!/usr/bin/env bash
# deploy/image/base.sh ARCH DIRECTORY: lays a base where no registry can be reached: Node from the npm registry, the C and C++ libraries that it
# needs from Debian, and a user. No shell, no package manager. ARCH is amd64 or arm64. Needs apt-get, dpkg-deb, npm.
set -euo pipefail
arch=$1 root=$2
case $arch in
  amd64) npm_arch=x64 triplet=x86_64-linux-gnu ;;
  arm64) npm_arch=arm64 triplet=aarch64-linux-gnu ;;
  *) echo "base.sh: unknown architecture $arch; amd64 or arm64" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^  node: //p' "$here/pnpm-workspace.yaml")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian's packages of that architecture, whatever this machine's is. Lists go to a folder of their own.
mkdir -p "$work"/{lists/partial,cache/archives/partial,debs,tree}
: >"$work/status"
apt=(apt-get -qq -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache"
  -o "Dir::State::Status=$work/status" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work/debs" && "${apt[@]}" download libc6 libgcc-s1 libstdc++6)

mkdir -p "$root"/{etc,nodejs/bin,tmp,home/nonroot,var/lib/dpkg/status.d}
for deb in "$work"/debs/*.deb; do
  package=$(dpkg-deb -f "$deb" Package)
  dpkg-deb -x "$deb" "$work/tree"
  # Where scanners look in images without a package manager.
  dpkg-deb -f "$deb" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  cp -L "$work/tree/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/" 2>/dev/null ||
    cp "$work/tree/usr/share/doc/gcc-12-base/copyright" "$root/usr/share/doc/$package/" 2>/dev/null || true
done
# The libraries and the loader; not the converters of character sets, locales and tools.
for path in "lib/$triplet" "usr/lib/$triplet"; do
  [ -d "$work/tree/$path" ] || continue
  mkdir -p "$root/$path"
  find "$work/tree/$path" -maxdepth 1 \( -type f -o -type l \) -name '*.so*' -exec cp -P {} "$root/$path/" \;
done
[ ! -d "$work/tree/lib64" ] || cp -a "$work/tree/lib64" "$root/"
[ ! -e "$work/tree/lib/ld-linux-aarch64.so.1" ] || cp -P "$work/tree/lib/ld-linux-aarch64.so.1" "$root/lib/"

(cd "$work" && npm pack --silent "node-linux-$npm_arch@$version" >/dev/null && tar xzf ./*.tgz)
install -m 755 "$work/package/bin/node" "$root/nodejs/bin/node"
install -m 644 "$work/package/LICENSE" "$root/nodejs/LICENSE"
printf 'root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/home/nonroot:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
chmod 1777 "$root/tmp"

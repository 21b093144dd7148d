#!/usr/bin/env bash
# deploy/image/build.sh [--arch amd64|arm64] [--base IMAGE | --lay-base] [--tag NAME] [--output FILE.tar]: builds the image with buildah, the same
# sources to the same digest. Prints the tag and the digest. --lay-base takes no registry (deploy/image/base.sh); --output writes an OCI archive.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=amd64 base= lay=false output=
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' packages/operator/package.json)
tag=localhost/kube-trigger:$version
while [ $# -gt 0 ]; do
  case $1 in
    --arch) arch=$2; shift 2 ;;
    --base) base=$2; shift 2 ;;
    --lay-base) lay=true; shift ;;
    --tag) tag=$2; shift 2 ;;
    --output) output=$2; shift 2 ;;
    *) sed -n '2,3p' "$0" >&2; exit 2 ;;
  esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
umask 022

# No RUN in the recipes: nothing is executed, so no emulation is needed for another architecture.
bud() { # bud TAG CONTEXT FILE [ARGUMENT...]
  local name=$1 context=$2 file=$3
  shift 3
  buildah bud --quiet --isolation chroot --network host --format oci --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false \
    --os linux --arch "$arch" --no-cache --tag "$name" --file "$file" "$@" "$context" >/dev/null
}

if $lay; then
  base=localhost/kube-trigger-base:$arch
  mkdir "$work/base"
  bash deploy/image/base.sh "$arch" "$work/base/root"
  printf 'FROM scratch\nCOPY root /\n' >"$work/base/Containerfile"
  bud "$base" "$work/base" "$work/base/Containerfile"
fi

mkdir -p "$work/image/plugins/node_modules"
PATH="$PWD/node_modules/.bin:$PATH" node scripts/bundle.mjs "$work/image/app" >&2
revision=$(git rev-parse HEAD)
bud "$tag" "$work/image" deploy/image/Containerfile --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  ${base:+--build-arg "BASE=$base"}
[ -z "$output" ] || buildah push --quiet "$tag" "oci-archive:$output:$tag" >/dev/null
printf '%s %s\n' "$tag" "$(buildah inspect --type image --format '{{.FromImageDigest}}' "$tag")"

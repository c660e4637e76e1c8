#!/usr/bin/env bash
# The image that machines on the platform incus start from: Debian 13 with cloud-init. It comes from Incus's own image
# server when that can be reached, else it is built with mmdebstrap from the Debian archive.
# image.sh [ALIAS]   (default: webinfra-debian-13)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=setup/lib.sh
source ./lib.sh

alias=${1:-$image_alias}
# rclone is what every host reads the channel with; having it here saves each of them 15 MB at its first boot.
packages=rclone,systemd,systemd-sysv,systemd-resolved,udev,cloud-init,netplan.io,dbus,curl,python3,iproute2,ca-certificates,nftables,procps

# What the image is made from. It is written into the image, so that a changed recipe makes a new one.
recipe() { cat image.sh image/customize.sh image/metadata.yaml image/templates/*.tpl | sha256sum | cut -c 1-12; }

have_image() { [[ $(incus --project "$incus_project" image get-property "$alias" recipe) == "$(recipe)" ]]; }

# Debian's archive, from the mirror that this machine itself uses; mmdebstrap knows its own default otherwise.
apt_sources() {
  local mirror security suites="trixie trixie-updates"
  mirror=$(debian_mirror)
  security=$(debian_security_mirror)
  [[ -n $mirror ]] || return 0
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "${mirror%/}" "$suites" \
    /usr/share/keyrings/debian-archive-keyring.gpg
  [[ -n $security ]] || return 0
  printf '\nTypes: deb\nURIs: %s\nSuites: trixie-security\nComponents: main\nSigned-By: %s\n' "${security%/}" \
    /usr/share/keyrings/debian-archive-keyring.gpg
}

make_image() {
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the directory's name of now
  trap "as_root rm -rf '$work'" EXIT
  fetch_tree "$work" || build_tree "$work"
  {
    printf 'architecture: %s\ncreation_date: %s\n' "$(uname -m)" "$(date +%s)"
    sed "s/^properties:/&\n  recipe: $(recipe)/" image/metadata.yaml
  } >"$work/metadata.yaml"
  cp -r image/templates "$work/templates"
  tar -C "$work" -cf "$work/metadata.tar" metadata.yaml templates
  # --reuse moves the alias from an older image, which machines that run do not need any more.
  incus --project "$incus_project" image import "$work/metadata.tar" "$work/rootfs.tar" --alias "$alias" --reuse --quiet
}

# From the image server: its tree, made ours. Not an error when that cannot be: then it is built.
fetch_tree() {
  local work=$1 archive
  timeout 20 incus image info images:debian/13/cloud || return 1
  note "from Incus's image server"
  mkdir "$work/fetched"
  timeout 900 incus image export images:debian/13/cloud "$work/fetched" --quiet || return 1
  archive=$(find "$work/fetched" -type f -size +20M | head -n 1)
  as_root unsquashfs -quiet -no-progress -dest "$work/tree" "$archive" || return 1
  # Without the resolver that image/customize.sh relies on, a machine would have no names at all.
  [[ -e $work/tree/usr/lib/systemd/systemd-resolved && -e $work/tree/usr/bin/cloud-init ]] || return 1
  as_root sh image/customize.sh "$work/tree" || return 1
  as_root tar -C "$work/tree" --numeric-owner --xattrs -cf "$work/rootfs.tar" . || return 1
}

build_tree() {
  local work=$1
  note "building it with mmdebstrap"
  if ! have mmdebstrap || [[ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
    apt_update
    apt_install mmdebstrap debian-archive-keyring
  fi
  apt_sources >"$work/sources"
  # shellcheck disable=SC2016 # "$1" is for the shell that mmdebstrap starts
  local args=(--quiet --variant=apt "--include=$packages" --skip=cleanup/apt/lists
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*'
    --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-exclude=/usr/share/locale/*'
    --customize-hook='systemctl --root "$1" enable systemd-networkd.service systemd-resolved.service'
    --customize-hook="sh '$PWD/image/customize.sh' \"\$1\""
    trixie "$work/rootfs.tar")
  [[ ! -s $work/sources ]] || args+=("$work/sources")
  as_root mmdebstrap "${args[@]}" </dev/null
}

step "image $alias" have_image make_image \
  "Building it needs a Debian archive (http) and free disk space (about 1 GB); the lines above say what failed. Then run it again."

#!/bin/sh
# Turns a Debian 13 tree with cloud-init into the one that our machines start from. $1 is its root directory: a tree
# that mmdebstrap just made, or "/" inside a machine that will be published as an image.
set -eu
root=$1

# Incus writes the machine's user-data here, and it holds secrets. Template files are readable by all, so the directory is not.
mkdir -p "$root/var/lib/cloud/seed/nocloud-net"
chmod 0700 "$root/var/lib/cloud/seed" "$root/var/lib/cloud/seed/nocloud-net"

# One data source and no probing. The apt sources are those that the image was built with: cloud-init would replace them.
# There is no SSH server: host keys would be made in vain, or fail.
mkdir -p "$root/etc/cloud/cloud.cfg.d"
cat >"$root/etc/cloud/cloud.cfg.d/90-webinfra.cfg" <<'CFG'
datasource_list: [NoCloud, None]
apt:
  preserve_sources_list: true
ssh_deletekeys: false
ssh_genkeytypes: []
CFG

: >"$root/etc/fstab"
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"

# Names are resolved by systemd-resolved, which answers from /etc/hosts first.
ln -sfn /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# The journal in memory: a machine's log is as short-lived as the machine, and the disk is shared by all of them.
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n' >"$root/etc/systemd/journald.conf.d/webinfra.conf"

# Package lists stay in the image, so that a machine only fetches what changed since; translations are of no use to it.
printf 'Acquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/90-webinfra"

# Machines are replaced, not upgraded; these timers would only hold the apt lock while a machine converges.
for unit in apt-daily.timer apt-daily-upgrade.timer man-db.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done

# A machine lives on its host's disk cache; thousands of fsync calls during a package's installation only cost time.
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/webinfra"

#!/usr/bin/env bash
# Incus for system containers: the package, the daemon, and a storage pool and a project of our own. Nothing else in the
# user's Incus is read or changed. The networks are made with each stack.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=setup/lib.sh
source ./lib.sh

pool_size=30GiB

daemon() {
  local path
  for path in /usr/libexec/incus/incusd /opt/incus/bin/incusd /usr/sbin/incusd /usr/bin/incusd /usr/lib/incus/incusd; do
    [[ ! -x $path ]] || { echo "$path" && return 0; }
  done
  return 1
}

has_incus() { have incus && daemon; }

install_incus() {
  if ! have apt-get; then
    echo "this script installs packages with apt only" >&2
    return 1
  fi
  apt_update
  # shellcheck source=/dev/null
  if ! apt-cache show incus-base >/dev/null 2>&1 && [[ $(source /etc/os-release && echo "${VERSION_CODENAME:-}") == bookworm ]]; then
    add_backports
  fi
  # Containers only: the package "incus" would bring QEMU. dnsmasq gives the containers their addresses.
  apt_install incus-base incus-client dnsmasq-base
}

# Debian 12 has Incus in its backports, from the same archive as the rest.
add_backports() {
  local mirror
  mirror=$(debian_mirror)
  if [[ -z $mirror ]]; then
    echo "Debian 12 has Incus in bookworm-backports, but no Debian archive was found in the apt sources to take it from" >&2
    return 1
  fi
  printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' "${mirror%/}" \
    /usr/share/keyrings/debian-archive-keyring.gpg |
    as_root tee /etc/apt/sources.list.d/webinfra-backports.sources >/dev/null
  apt_update
}

is_running() { timeout 10 incus query /1.0; }

start_incus() {
  if has_systemd; then
    as_root systemctl enable --now incus.socket incus.service
  else
    start_daemon
  fi
  as_root incus admin waitready --timeout 60
  if ! is_running; then
    echo "the daemon runs, but this user may not use it" >&2
    return 1
  fi
}

# With no init system: in a mount namespace with cgroup v2 in the place where Incus looks for it. Its pid is kept, so that
# teardown.sh can stop what was started here, and nothing else.
start_daemon() {
  local group=root
  ! getent group incus-admin >/dev/null || group=incus-admin
  ((EUID != 0)) || group=root
  as_root mkdir -p "$(dirname "$incusd_log")"
  # shellcheck disable=SC2016 # the inner shell's variables
  as_root setsid --fork unshare -m --propagation private sh -c '
    echo $$ >"$1"
    umount -R /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    exec "$2" --group "$3" --logfile "$4"
  ' sh "$incusd_pid_file" "$(daemon)" "$group" "$incusd_log" </dev/null >/dev/null 2>&1 3>&-
}

has_pool() { incus storage show "$incus_pool"; }

# Btrfs on a loop file makes a machine in a second, because it copies on write; a plain directory works everywhere.
create_pool() {
  have mkfs.btrfs || ! have apt-get || apt_install btrfs-progs || true
  if have mkfs.btrfs && incus storage create "$incus_pool" btrfs "size=$pool_size"; then
    return 0
  fi
  note "no btrfs on a loop device here; a plain directory it is: machines take longer to make"
  incus storage create "$incus_pool" dir
}

has_project() { incus project show "$incus_project"; }
create_project() {
  incus project create "$incus_project" -c features.images=true -c features.profiles=true \
    -c features.storage.volumes=true -c features.networks=false
}

# All containers count as one user here, and systemd in each takes about ten: with the kernel's 128 the twelfth has no network.
inotify_instances=1024
inotify_file=/etc/sysctl.d/60-webinfra.conf
has_inotify() { (($(cat /proc/sys/fs/inotify/max_user_instances) >= inotify_instances)); }
raise_inotify() {
  echo "fs.inotify.max_user_instances = $inotify_instances" | as_root tee "$inotify_file" >/dev/null
  echo "$inotify_instances" | as_root tee /proc/sys/fs/inotify/max_user_instances >/dev/null
}

step "Incus" has_incus install_incus \
  "Install Incus 6.0 or newer with your system's packages (Debian 13: incus-base incus-client dnsmasq-base), and run this again."
if has_systemd; then
  hint="See: systemctl status incus.service. To use it as $(id -un): sudo usermod -aG incus-admin $(id -un), log in again, and run this again."
else
  hint="The daemon's log is $incusd_log. Starting it needs root and mount namespaces (unshare -m)."
fi
step "Incus daemon" is_running start_incus "$hint"
step "inotify instances for many containers" has_inotify raise_inotify \
  "Set it yourself: sysctl fs.inotify.max_user_instances=$inotify_instances"
step "Incus storage pool $incus_pool" has_pool create_pool \
  "The lines above are Incus's. Make one yourself in any way that you like (incus storage create $incus_pool …), and run this again."
step "Incus project $incus_project" has_project create_project "The lines above are Incus's; correct what they say, and run this again."

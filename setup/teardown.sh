#!/usr/bin/env bash
# Removes what set-up and the stacks made in Incus: every machine, volume and network of ours, the images with packages, and the storage pool. Then
# stops the daemon, if bootstrap.sh started it. Of the images, the one that set-up made stays (it takes a minute to make again) unless asked.
# DELETES DATABASES. teardown.sh [--images]   --images: also that image, and with it the project
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=setup/lib.sh
source ./lib.sh

images=false
case ${1:-} in
  "") ;;
  --images) images=true ;;
  *) echo "usage: teardown.sh [--images]" >&2 && exit 2 ;;
esac

ours() { incus --project "$incus_project" "$@"; }
running() { timeout 10 incus query /1.0; }
has_project() { incus project show "$incus_project"; }
has_pool() { incus storage show "$incus_pool"; }
images() { ours image list --format csv --columns F; }
baked_images() {
  local image
  for image in $(images); do
    # One that an update deletes meanwhile has no hash.
    if [[ -n $(ours image get-property "$image" webinfra.hash 2>/dev/null) ]]; then echo "$image"; fi
  done
}

# Incus says nothing for an empty list, and names one object a line otherwise.
machines() { ours list --format csv --columns n; }
volumes() { ours storage volume list "$incus_pool" --format csv --columns tn | sed -n 's/^custom,//p'; }
# Managed ones only: the bridge of another Incus is listed too.
networks() { incus network list --format csv | awk -F , '$1 ~ /^webinfra-/ && $3 == "YES" { print $1 }'; }

delete_machines() { machines | xargs -r -n 8 incus --project "$incus_project" delete --force; }
delete_volumes() { volumes | xargs -r -n 1 incus --project "$incus_project" storage volume delete "$incus_pool"; }
delete_networks() {
  local network
  for network in $(networks); do delete_network "$network"; done
}
delete_baked_images() { baked_images | xargs -r -n 1 incus --project "$incus_project" image delete; }
delete_images() { images | xargs -r -n 1 incus --project "$incus_project" image delete; }
delete_project() { incus project delete "$incus_project"; }
delete_pool() { incus storage delete "$incus_pool"; }

# As steps want them: done when there is nothing (left).
no_machines() { ! has_project || [[ -z $(machines) ]]; }
no_volumes() { ! has_project || ! has_pool || [[ -z $(volumes) ]]; }
no_networks() { [[ -z $(networks) ]]; }
no_baked_images() { ! has_project || [[ -z $(baked_images) ]]; }
no_images() { ! has_project || [[ -z $(images) ]]; }
no_project() { ! has_project; }
no_pool() { ! has_pool; }
not_ours() { [[ ! -e $incusd_pid_file ]] || ! as_root kill -0 "$(cat "$incusd_pid_file")"; }
stop_daemon() {
  # This stops the machines and networks too, and unmounts the pools.
  as_root timeout 90 incus admin shutdown --timeout 60
  for _ in {1..50}; do
    if not_ours; then
      as_root rm -f "$incusd_pid_file"
      return 0
    fi
    sleep 0.2
  done
  return 1
}

echo "teardown"
if ! running >/dev/null 2>&1; then
  echo "Incus is not running (or not for this user): start it first (bash setup/incus.sh), so that its objects can be deleted" >&2
  exit 1
fi
retry="The lines above are Incus's; correct what they say, and run this again."
step "no machines" no_machines delete_machines "$retry"
step "no volumes" no_volumes delete_volumes "$retry"
step "no networks" no_networks delete_networks "$retry"
step "no images with packages" no_baked_images delete_baked_images "$retry"
if $images; then
  step "no images" no_images delete_images "$retry"
  step "no project" no_project delete_project "$retry"
fi
step "no storage pool" no_pool delete_pool "$retry"
step "Incus daemon of ours stopped" not_ours stop_daemon "Stop the process $(cat "$incusd_pid_file" 2>/dev/null) yourself; its log is $incusd_log."

#!/usr/bin/env bash
# What the set-up scripts share: how a step is shown, who may be root, and the names of everything that is ours in Incus.
# To be sourced.

# shellcheck disable=SC2034 # the scripts that source this file read these
{
  incus_project=webinfra
  incus_pool=webinfra
  image_alias=webinfra-debian-13
  incusd_pid_file=/run/webinfra-incusd.pid
  incusd_log=/var/log/incus/webinfra-incusd.log
}

# What a step wants to say while it runs goes here; the rest of its output is shown only when it fails.
exec 3>&1
note() { printf '        %s\n' "$*" >&3; }

# LC_ALL: the scripts read what tools print. INCUS_PROJECT would override --project.
export LC_ALL=C.UTF-8
unset INCUS_PROJECT

# step NAME CHECK DO HINT: runs DO unless CHECK says that it is done, shows which, and how long it took.
# CHECK is asked again afterwards: an action that reports success and left nothing behind is a failure.
# HINT is what the user can do when it fails. Functions run in a subshell with errexit, so that a failing line ends the step.
step() {
  local name=$1 check=$2 action=$3 hint=$4 started=$SECONDS log
  if "$check" </dev/null >/dev/null 2>&1; then
    printf '  ok    %s\n' "$name"
    return 0
  fi
  printf '  ...   %s\n' "$name"
  log=$(mktemp)
  # Not "if ( … )": errexit is off inside a condition.
  set +e
  (
    set -e
    "$action" </dev/null
  ) >"$log" 2>&1
  local code=$?
  set -e
  if ((code == 0)) && ! "$check" </dev/null >>"$log" 2>&1; then
    echo "(the step ended well, but its result is not there)" >>"$log"
    code=1
  fi
  if ((code != 0)); then
    # What went wrong is said first or last.
    if (($(wc -l <"$log") > 40)); then
      { head -n 20 "$log" && echo "[…]" && tail -n 20 "$log"; } | sed 's/^/        | /' >&2
    else
      sed 's/^/        | /' "$log" >&2
    fi
    printf '  FAIL  %s, after %d s\n        %s\n' "$name" "$((SECONDS - started))" "$hint" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
  printf '  done  %s (%d s)\n' "$name" "$((SECONDS - started))"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: as it is when we are root, else through sudo.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    echo "this needs root: run it as root, or install sudo" >&2
    return 1
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 \
    install -y --no-install-recommends "$@"
}

apt_update() { as_root apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 update; }

# More than once: Incus fails at a bridge while an interface of any machine goes (provider/incus/network.ts says why).
delete_network() {
  local attempt
  for attempt in {1..20}; do
    if timeout 60 incus network delete "$1"; then return 0; fi
    sleep 0.5
  done
  echo "the network $1 could not be deleted in $attempt attempts" >&2
  return 1
}

has_systemd() { [[ -d /run/systemd/system ]]; }

# The URI of the Debian archive that this machine's own apt uses ("" when it uses none).
debian_mirror() { apt_archive debian; }

# The same for Debian's security archive.
debian_security_mirror() { apt_archive debian-security; }

apt_archive() {
  have apt-get || return 0
  # shellcheck disable=SC2016 # apt's variable, not ours
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E "/$1/?\$" | head -n 1 || true
}

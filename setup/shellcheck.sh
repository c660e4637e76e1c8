#!/usr/bin/env bash
# Checks every shell script of the repository: the files named *.sh, and those that start with a shell's "#!" line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=setup/lib.sh
source setup/lib.sh

has_shellcheck() { have shellcheck; }
install_shellcheck() { apt_update && apt_install shellcheck; }
step "shellcheck" has_shellcheck install_shellcheck "Install shellcheck with your system's packages, and run this again."

# shellcheck disable=SC2016 # the inner shell's variables
mapfile -t scripts < <(
  git ls-files --cached --others --exclude-standard -z | xargs -0 -r sh -c '
    for file; do
      case $file in
        *.liquid) continue ;;
        *.sh) [ -f "$file" ] && echo "$file" ;;
        *) [ -f "$file" ] && head -c 64 "$file" | head -n 1 | grep -aqE "^#!.*(bash|/sh|dash)( |$)" && echo "$file" ;;
      esac
    done
    true' sh
)
echo "${#scripts[@]} scripts"
# Rendered scripts source files that only hosts have, and carry no comments that could say so.
mapfile -t rendered < <(printf '%s\n' "${scripts[@]}" | grep '^tests/golden/')
mapfile -t written < <(printf '%s\n' "${scripts[@]}" | grep -v '^tests/golden/')
shellcheck "${written[@]}"
shellcheck --exclude=SC1091 "${rendered[@]}"

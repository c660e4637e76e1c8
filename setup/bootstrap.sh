#!/usr/bin/env bash
# Everything that a fresh clone needs before `webinfra up` on this machine. Each step looks whether it is done: run again,
# it changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

echo "set-up"
for part in npm pulumi-cli incus image; do
  ./"$part.sh"
done

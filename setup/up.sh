#!/usr/bin/env bash
# `npm run up`: set-up, the site, and how to have `webinfra` on the PATH where it is not yet. Takes the arguments of `webinfra up`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash setup/bootstrap.sh
./webinfra up "$@"

# npm puts the dependencies' programs in front, and this one among them is on nobody's PATH otherwise.
found=$(PATH=$(tr : '\n' <<<"$PATH" | grep -v '/node_modules/' | paste -sd :) command -v webinfra || true)
if [[ -z $found || $(readlink -f "$found") != "$PWD/webinfra" ]]; then
  echo "to have \`webinfra\` on your PATH: ln -s $PWD/webinfra ~/.local/bin/ (or any other folder on it); until then it is ./webinfra"
fi

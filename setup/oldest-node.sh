#!/usr/bin/env bash
# The oldest Node that webinfra runs on, for its test alone (tests/unit/oldest-node.test.ts): `webinfra up` does not need it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/oldest-node"
# shellcheck source=setup/lib.sh
source ../../setup/lib.sh

version=$(sed -n 's/^    "node": "\(.*\)"$/\1/p' package.json)

has_oldest_node() { [[ $(node_modules/.bin/node --version) == "v$version" ]]; }
install_oldest_node() { npm ci --no-progress --loglevel error; }

step "Node $version (for the test with the oldest one)" has_oldest_node install_oldest_node \
  "The npm package \"node\" brings it through its install script; the lines above are npm's. Then run this again."

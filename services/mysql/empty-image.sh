#!/usr/bin/env bash
# The first data of a server hold keys and an identity: each host makes its own.
set -euo pipefail

systemctl stop mysql.service 2>/dev/null || true
find /var/lib/mysql -mindepth 1 -delete

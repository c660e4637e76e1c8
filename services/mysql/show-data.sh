#!/usr/bin/env bash
# Takes away the empty folder that was put over the data volume while packages were installed.
set -euo pipefail

data=/var/lib/mysql
scratch=/var/lib/webinfra-mysql-scratch

if [ "$data" -ef "$scratch" ]; then
  systemctl stop mysql.service || true
  umount "$data"
fi
rm -rf "$scratch"

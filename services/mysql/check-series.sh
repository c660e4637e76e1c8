#!/usr/bin/env bash
# Refuses a MySQL of another series than webinfra is tested with.
# check-mysql-series SERIES
set -euo pipefail

series=$1
version=$(mysqld --version | sed -n 's/.* Ver \([0-9.]*\).*/\1/p')
case $version in
  "$series".*) ;;
  *)
    echo "MySQL ${version:-of an unknown version} was installed, and webinfra is tested with $series: set webinfra:mysql.source to a source of that series" >&2
    # Its package had it started at every boot, where it would change the data for good. One that has served them stays.
    if [ ! -e /var/lib/webinfra/mysql-installed ]; then systemctl --quiet --no-reload disable --now mysql.service; fi
    exit 1
    ;;
esac

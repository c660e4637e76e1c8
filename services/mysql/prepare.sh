#!/usr/bin/env bash
# Prepares the data volume. The data never goes to the root disk: the volume has to be there before the package that writes to it.
set -euo pipefail

data=/var/lib/mysql
scratch=/var/lib/webinfra-mysql-scratch
installed=/var/lib/webinfra/mysql-installed

# Replaces $2 by the file $1 when they differ. MySQL may be reading it.
replace() {
  if [ "$(stat -c '%U %a' "$1")" = "$(stat -c '%U %a' "$2" 2>/dev/null)" ] && cmp --silent "$1" "$2"; then rm "$1"; else mv "$1" "$2"; fi
}

# What a run that was cut short left: see below.
/usr/local/lib/webinfra/show-mysql-data

if ! mountpoint --quiet "$data"; then
  echo "$data is not a mounted volume" >&2
  exit 1
fi
# MySQL has to find its key at its very first start, so its user comes before its package.
id mysql >/dev/null 2>&1 || useradd --system --user-group --home-dir /nonexistent --shell /bin/false mysql
install -o mysql -g mysql -m 0400 /etc/webinfra/secrets/server.key /etc/webinfra/tls/server.key.new
replace /etc/webinfra/tls/server.key.new /etc/webinfra/tls/server.key
# Only the private address: on the loopback interface a local proxy may listen on the same port.
# shellcheck source=/dev/null
. /etc/webinfra/machine.env
address=/etc/mysql/mysql.conf.d/zzz-webinfra-address.cnf
printf '[mysqld]\nbind_address = %s\n' "$PRIVATE_ADDRESS" >"$address.new"
replace "$address.new" "$address"
# Another image may number the mysql user otherwise than the one that wrote the data.
if [ "$(stat -c %U "$data")" != mysql ]; then
  chown -R mysql:mysql "$data"
fi
# The package's scripts write first data where there are none, and to data that they find, with a transaction that no other server has: it would fence a
# replica. So they are shown an empty folder instead, until they are through.
if [ ! -e "$installed" ] && [ -n "$(/usr/local/lib/webinfra/install-packages --missing)" ]; then
  rm -rf "$scratch"
  install -d -o mysql -g mysql -m 0700 "$scratch"
  # Installed by a run that was cut short, it would serve from the one and be shown the other.
  systemctl stop mysql.service 2>/dev/null || true
  mount --bind "$scratch" "$data"
fi

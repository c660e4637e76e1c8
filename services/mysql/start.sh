#!/usr/bin/env bash
# Starts MySQL, with first data when the volume is blank, and then the program that keeps it in its role.
set -euo pipefail

data=/var/lib/mysql
# Not done: what stands in the volume was never served, and is made again.
begun=$data/.webinfra-begun

/usr/local/lib/webinfra/show-mysql-data
touch /var/lib/webinfra/mysql-installed
/usr/sbin/mysqld --validate-config --user=mysql
if [ -e "$begun" ] || [ -z "$(ls -A -I lost+found "$data")" ]; then
  systemctl stop mysql.service
  touch "$begun"
  sync -f "$data"
  find "$data" -mindepth 1 -maxdepth 1 ! -name lost+found ! -path "$begun" -exec rm -rf {} +
  # The accounts that the packages make: root and Debian's own maintenance, for root of this machine alone. The folder is what AppArmor lets MySQL read.
  first=$(mktemp /var/lib/mysql-files/first-XXXXXX)
  trap 'rm -f "$first"' EXIT
  cat >"$first" <<'SQL'
INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';
ALTER USER 'root'@'localhost' IDENTIFIED WITH auth_socket;
SQL
  if [ -e /etc/mysql/debian.cnf ]; then
    cat >>"$first" <<'SQL'
CREATE USER 'debian-sys-maint'@'localhost' IDENTIFIED WITH auth_socket AS 'root';
GRANT ALL ON *.* TO 'debian-sys-maint'@'localhost' WITH GRANT OPTION;
SQL
    sed -i '/^[[:space:]]*password *= */d' /etc/mysql/debian.cnf
  fi
  chown mysql:mysql "$first"
  # Flushed once, at the end: one that is cut short begins anew.
  /usr/sbin/mysqld --initialize-insecure --user=mysql "--init-file=$first" --innodb-flush-method=nosync
  sync -f "$data"
  rm "$begun"
  sync -f "$data"
fi
systemctl --quiet --no-reload enable mysql.service webinfra-database.service
systemctl start mysql.service webinfra-database.service

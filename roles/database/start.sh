#!/usr/bin/env bash
# Starts MySQL, and then the program that keeps it in its role.
set -euo pipefail

/usr/local/lib/webinfra/show-mysql-data
touch /var/lib/webinfra/mysql-installed
rm -f /var/lib/webinfra/mysql-blank
/usr/sbin/mysqld --validate-config --user=mysql
systemctl --quiet enable mysql.service webinfra-database.service
systemctl start mysql.service webinfra-database.service

<?php
header('Content-Type: text/plain; charset=utf-8');
if ($_SERVER['REQUEST_URI'] === '/healthz') {
    exit("ok\n");
}
// "true": the process's own variables. FastCGI sends others beside them, such as a SERVER_NAME that is Nginx's.
$own = fn(string $name): string => getenv($name, true);
$part = fn(string $name): string => $own("DATABASE_READ_$name");
$database = mysqli_init();
// PHP compares a certificate with the address alone, and 127.0.0.1 is in none: this is encrypted, not verified.
$tls = MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT;
$database->real_connect($part('HOST'), $part('USER'), $part('PASSWORD'), $part('NAME'), $part('PORT'), null, $tls);
$version = $database->query('select version()')->fetch_column();
echo "Hello from {$own('SERVER_NAME')}, release {$own('RELEASE')}, MySQL $version\n";

import os

import pymysql


def mysql_version():
    part = {name: os.environ[f"DATABASE_READ_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME", "CA")}
    database = pymysql.connect(
        host=part["HOST"],
        port=int(part["PORT"]),
        user=part["USER"],
        password=part["PASSWORD"],
        database=part["NAME"],
        ssl={"ca": part["CA"], "check_hostname": False},  # 127.0.0.1 is in no certificate.
    )
    with database, database.cursor() as cursor:
        cursor.execute("select version()")
        return cursor.fetchone()[0]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    if environ["PATH_INFO"] == "/healthz":
        return [b"ok\n"]
    server, release = os.environ["SERVER_NAME"], os.environ["RELEASE"]
    return [f"Hello from {server}, release {release}, MySQL {mysql_version()}\n".encode()]

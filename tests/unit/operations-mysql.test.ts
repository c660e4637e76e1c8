import assert from "node:assert/strict";
import { connectLines, mysqlArguments, mysqlHost } from "../../operations/mysql";
import type { StatusReport } from "../../operations/status";

const report = (primary: string | null, replicas: readonly string[], hosts: readonly string[]): StatusReport => ({
  ...{ stack: "dev", platform: "incus", topology: null, url: null },
  hosts: hosts.map((name) => ({
    ...{ name, roles: [name.startsWith("db") ? "database" : "webServer"], address: null, healthy: true },
    ...{ outdated: false, refused: [], settings: null, database: null },
  })),
  database: { primary, replicas: replicas.map((name) => ({ name, lagSeconds: 0 })) },
});

describe("operations: mysql", () => {
  const site = report("db-1", ["db-2"], ["web-1", "db-1", "db-2"]);

  it("is on the database that takes writes, on a replica, or where it is asked to be", () => {
    assert.equal(mysqlHost(site, {}), "db-1");
    assert.equal(mysqlHost(site, { replica: true }), "db-2");
    assert.equal(mysqlHost(site, { host: "db-2" }), "db-2");
    // Whether there is such a host at all, those who enter it say.
    assert.equal(mysqlHost(site, { host: "db-9" }), "db-9");
  });

  it("says what there is instead", () => {
    assert.throws(() => mysqlHost(site, { host: "web-1" }), {
      message: '"web-1" has no database; databases: db-1, db-2',
    });
    assert.throws(() => mysqlHost(report(null, [], ["db-1"]), {}), {
      message: "no database takes writes now; `webinfra mysql db-1 --stack dev` looks into one all the same",
    });
    assert.throws(() => mysqlHost(report("db-1", [], ["db-1"]), { replica: true }), {
      message: "no replica answers now; `webinfra database --stack dev` shows the databases",
    });
    assert.throws(() => mysqlHost(report(null, [], []), {}), {
      message: 'the stack "dev" has no databases; `webinfra up --stack dev` makes its hosts',
    });
  });

  it("says how a client connects to one that is led to, and no password", () => {
    const names = { database: "site", server: "db.webinfra.internal" };
    assert.deepEqual(connectLines({ host: "db-1", port: 3307, primary: true }, names), [
      "127.0.0.1:3307 is MySQL on db-1, which takes writes; Ctrl-C ends it",
      "connect with this line:",
      '`MYSQL_PWD="$(webinfra exec db-1 -- cat /etc/webinfra/secrets/app-password)" mysql --host 127.0.0.1 --port 3307 --user app --ssl-mode=REQUIRED site`',
      "the account is app, its password what that fetches; TLS is needed, with a certificate for db.webinfra.internal of the authority that " +
        "`webinfra exec db-1 -- cat /etc/webinfra/tls/ca.pem` shows",
    ]);
    assert.equal(
      connectLines({ host: "db-2", port: 1, primary: false }, names)[0],
      "127.0.0.1:1 is MySQL on db-2, which only reads; Ctrl-C ends it",
    );
  });

  it("runs the client, statements, or a dump of one moment", () => {
    assert.deepEqual(mysqlArguments("site", {}), ["mysql", "site"]);
    assert.deepEqual(mysqlArguments("site", { execute: "select 1" }), ["mysql", "--execute", "select 1", "site"]);
    assert.deepEqual(mysqlArguments("site", { dump: true }).slice(0, 2), ["mysqldump", "--single-transaction"]);
  });
});

import assert from "node:assert/strict";
import { mysqlArguments, mysqlHost } from "../../operations/mysql";
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

  it("runs the client, statements, or a dump of one moment", () => {
    assert.deepEqual(mysqlArguments("site", {}), ["mysql", "site"]);
    assert.deepEqual(mysqlArguments("site", { execute: "select 1" }), ["mysql", "--execute", "select 1", "site"]);
    assert.deepEqual(mysqlArguments("site", { dump: true }).slice(0, 2), ["mysqldump", "--single-transaction"]);
  });
});

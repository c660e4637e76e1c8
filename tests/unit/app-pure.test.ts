import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { createConnection } from "mysql2";
import { ConfigError, type Environment, loadConfig } from "../../app/src/config";
import { isRetryable } from "../../app/src/database";
import { isToken } from "../../app/src/guestbook";
import { escapeHtml, html } from "../../app/src/html";
import { freshnessInWords, freshnessOf, lagSecondsOf, type ReplicationStatus } from "../../app/src/lag";
import { migrate, MIGRATIONS, type Session } from "../../app/src/migrations";
import { MESSAGE_LIMIT, NAME_LIMIT, validateEntry } from "../../app/src/validation";

const ID = "3f2b8c1e-5d0a-4f6b-9c7d-2e1a0b9c8d7f";

describe("app: escaping", () => {
  it("leaves nothing that HTML could read as markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapeHtml(text);
        assert.doesNotMatch(escaped, /[<>"']/);
        const back = escaped
          .replaceAll("&lt;", "<")
          .replaceAll("&gt;", ">")
          .replaceAll("&quot;", '"')
          .replaceAll("&#39;", "'")
          .replaceAll("&amp;", "&");
        assert.equal(back, text);
      }),
    );
  });

  it("escapes what a template interpolates, once", () => {
    const inner = html`<b>${"<&>"}</b>`;
    assert.equal(html`<p title="${`"'`}">${inner}</p>`.text, '<p title="&quot;&#39;"><b>&lt;&amp;&gt;</b></p>');
  });
});

describe("app: validation", () => {
  const check = (input: Record<string, unknown>): string[] => {
    const result = validateEntry(input, () => ID);
    return result.ok ? [] : result.problems.map(({ text }) => text);
  };

  it("accepts and tidies an entry", () => {
    assert.deepEqual(
      validateEntry({ name: " Ada ", message: "one\r\ntwo\rthree\n", id: ID.toUpperCase() }, () => "unused"),
      { ok: true, draft: { id: ID, name: "Ada", message: "one\ntwo\nthree" } },
    );
    assert.deepEqual(
      validateEntry({ name: "Ada", message: "x" }, () => ID),
      {
        ok: true,
        draft: { id: ID, name: "Ada", message: "x" },
      },
    );
  });

  it("counts characters, not code units", () => {
    assert.deepEqual(check({ name: "😀".repeat(NAME_LIMIT), message: "😀".repeat(MESSAGE_LIMIT) }), []);
  });

  it("says what is wrong with each field and what is right", () => {
    assert.deepEqual(check({ message: 5, id: "7" }), [
      "name is missing, it must be 1 to 80 characters of text",
      "message is 5, it must be 1 to 1000 characters of text",
      'id is "7", it must be a UUID such as 3f2b8c1e-5d0a-4f6b-9c7d-2e1a0b9c8d7f, or be left out',
    ]);
    assert.deepEqual(check({ name: " \u200b ", message: "x".repeat(1001) }), [
      "name is empty, it must be 1 to 80 characters of text",
      "message has 1001 characters, it must be 1 to 1000 characters of text",
    ]);
    assert.deepEqual(check({ name: "a\nb", message: "a\u0000b" }), [
      "name has control characters, it may hold only text on one line",
      "message has control characters, it may hold only text, line ends and tabs",
    ]);
  });

  it("says the same to a visitor in friendlier words", () => {
    const advice = (input: Record<string, unknown>): string[] => {
      const result = validateEntry(input, () => ID);
      return result.ok ? [] : result.problems.map(({ field, advice: words }) => `${field}: ${words}`);
    };
    const nothing = ["name: Please tell us your name.", "message: Please write a message."];
    assert.deepEqual(advice({}), nothing);
    assert.deepEqual(advice({ name: 7, message: [] }), nothing);
    assert.deepEqual(advice({ name: " \u200b ", message: "\n" }), nothing);
    assert.deepEqual(advice({ name: "é".repeat(81), message: "😀".repeat(1001) }), [
      "name: Your name has 81 characters, and there is room for 80. Please shorten it.",
      "message: Your message has 1001 characters, and there is room for 1000. Please shorten it.",
    ]);
    assert.deepEqual(advice({ name: "a\nb", message: "a\u0000b" }), [
      "name: Your name has characters that cannot be shown. Please type it again, on one line.",
      "message: Your message has characters that cannot be shown. Please take them out, or type it again.",
    ]);
    assert.deepEqual(advice({ name: "Ada", message: "Hello", id: "7" }), [
      "id: This form was damaged on its way. Your text is still here: please send it again.",
    ]);
  });

  it("lets nothing through that the table would refuse", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 1100 }), fc.anything(), (message, name) => {
        const result = validateEntry({ name, message }, () => ID);
        if (result.ok) {
          const { draft } = result;
          assert.ok(Array.from(draft.name).length <= NAME_LIMIT && draft.name !== "");
          assert.ok(Array.from(draft.message).length <= MESSAGE_LIMIT && draft.message !== "");
          assert.doesNotMatch(draft.name + draft.message, /\p{Surrogate}|\r|\0/u);
        } else {
          assert.ok(result.problems.length > 0);
        }
      }),
    );
  });
});

describe("app: replication lag", () => {
  const replica: ReplicationStatus = {
    readOnly: true,
    applierOn: true,
    contact: 0.4,
    applying: 0,
    coordinating: 0,
    behind: 0,
  };

  it("is none on the primary", () => {
    const freshness = freshnessOf({ ...replica, readOnly: false, contact: 99 });
    assert.equal(lagSecondsOf(freshness), null);
    assert.equal(freshnessInWords(freshness), "primary, always current");
  });

  it("ignores the silence between two heartbeats, not that of a frozen source", () => {
    assert.deepEqual(freshnessOf({ ...replica, contact: 1.9 }), { kind: "replica", lagSeconds: 0 });
    assert.deepEqual(freshnessOf({ ...replica, contact: 3.04 }), { kind: "replica", lagSeconds: 3.04 });
  });

  it("is the age of the oldest transaction being applied", () => {
    assert.equal(lagSecondsOf(freshnessOf({ ...replica, applying: 7.123, coordinating: 4 })), 7.12);
    // Between two transactions of a long backlog nothing is being applied.
    assert.equal(lagSecondsOf(freshnessOf({ ...replica, behind: 35 })), 35);
    assert.equal(lagSecondsOf(freshnessOf({ ...replica, applying: null, coordinating: 4 })), 4);
  });

  it("is never negative, whatever the clocks say", () => {
    assert.equal(lagSecondsOf(freshnessOf({ ...replica, contact: -5, applying: -3 })), 0);
  });

  it("says so when it cannot be told", () => {
    assert.equal(freshnessInWords(freshnessOf({ ...replica, applierOn: false })), "replica, replication is stopped");
    assert.equal(freshnessInWords(freshnessOf({ ...replica, contact: null })), "replica, lag unknown");
    assert.equal(lagSecondsOf({ kind: "unknown" }), null);
  });

  for (const [lagSeconds, words] of [
    [0.99, "replica, up to date"],
    [1.5, "replica, 1 second behind"],
    [59.9, "replica, 59 seconds behind"],
    [60, "replica, 1 minute behind"],
    [7200, "replica, 2 hours behind"],
  ] as const) {
    it(`reads "${words}" at ${String(lagSeconds)} s`, () => {
      assert.equal(freshnessInWords({ kind: "replica", lagSeconds }), words);
    });
  }
});

describe("app: read-your-writes token", () => {
  const uuid = "33cf7919-e592-11f1-8b97-10666aba2321";

  it("is a set of global transaction ids and nothing else", () => {
    for (const token of [`${uuid}:12`, `${uuid}:1-12:15`, `${uuid}:tag_a:3`, `${uuid}:1-3,${uuid}:7`]) {
      assert.ok(isToken(token), token);
    }
    for (const token of ["", uuid, `${uuid}:1;`, `${uuid}:1'`, `${uuid}:1,`, `${uuid}:${"1".repeat(2000)}`]) {
      assert.ok(!isToken(token), token);
    }
  });
});

describe("app: retry", () => {
  it("is for connections and servers that go away", () => {
    for (const properties of [{ errno: 1290 }, { errno: 2013 }, { code: "ECONNREFUSED" }, { code: "ECONNRESET" }]) {
      assert.ok(isRetryable(Object.assign(new Error("away"), properties)));
    }
    assert.ok(isRetryable(Object.assign(new Error("lost"), { code: "PROTOCOL_CONNECTION_LOST" })));
    assert.ok(isRetryable(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104 })));
    assert.ok(isRetryable(new Error("Can't write in closed state")));
  });

  it("is for a connection that breaks while it is made, in whatever state", async () => {
    const cuts: Readonly<Record<string, (socket: Socket) => void>> = {
      "before a word": (socket) => {
        socket.destroy();
      },
      "before TLS is agreed on": (socket) => {
        const greeter = createConnection({ stream: socket, isServer: true });
        greeter.on("error", () => undefined);
        greeter.serverHandshake({
          protocolVersion: 10,
          serverVersion: "9.7.4",
          connectionId: 1,
          statusFlags: 2,
          characterSet: 255,
          // All of them, TLS among them.
          capabilityFlags: 0xffffff,
        });
        // With this the client asks for TLS.
        socket.prependOnceListener("data", () => socket.destroy());
      },
    };
    for (const [when, cut] of Object.entries(cuts)) {
      const server = createServer(cut).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const broken = await new Promise<unknown>((resolve) => {
        createConnection({ host: "127.0.0.1", port, user: "app", ssl: {} }).on("error", resolve);
      });
      server.close();
      assert.ok(broken instanceof Error && isRetryable(broken), `${when}: ${String(broken)}`);
    }
  });

  it("is not for mistakes", () => {
    for (const properties of [{ errno: 1064 }, { errno: 1045, fatal: true }, { code: "ER_NO_SUCH_TABLE" }, {}]) {
      assert.ok(!isRetryable(Object.assign(new Error("wrong"), properties)));
    }
    assert.ok(!isRetryable("text"));
  });
});

describe("app: migrations", () => {
  class FakeSession implements Session {
    public readonly statements: string[] = [];
    public readonly done: number[] = [];

    public constructor(private readonly lock: number | null = 1) {}

    public rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
      this.statements.push(sql);
      if (sql.includes("GET_LOCK")) {
        return Promise.resolve([{ held: this.lock }]);
      }
      return Promise.resolve(sql.includes("FROM schema_migrations") ? this.done.map((number) => ({ number })) : []);
    }

    public run(sql: string, values: readonly (string | number)[] = []): Promise<unknown> {
      this.statements.push(sql);
      if (sql.startsWith("INSERT INTO schema_migrations")) {
        this.done.push(Number(values[0]));
      }
      return sql === "BROKEN" ? Promise.reject(new Error("broken")) : Promise.resolve(undefined);
    }
  }

  it("are numbered from 1 without gaps, and each can be repeated", () => {
    assert.deepEqual(
      MIGRATIONS.map(({ number }) => number),
      MIGRATIONS.map((_, index) => index + 1),
    );
    for (const statement of MIGRATIONS.flatMap(({ statements }) => statements)) {
      assert.match(statement, /IF (NOT )?EXISTS/);
    }
  });

  it("run once, under a lock that is given back", async () => {
    const session = new FakeSession();
    assert.deepEqual(await migrate(session), MIGRATIONS);
    assert.deepEqual(await migrate(session), []);
    assert.match(session.statements[0] ?? "", /GET_LOCK/);
    assert.match(session.statements.at(-1) ?? "", /RELEASE_LOCK/);
  });

  it("do nothing while another host has the lock", async () => {
    const session = new FakeSession(0);
    await assert.rejects(migrate(session), { message: "another host has been migrating for more than 10 seconds" });
    assert.equal(session.statements.length, 1);
  });

  it("do not remember a step that failed, and give the lock back", async () => {
    const session = new FakeSession();
    await assert.rejects(migrate(session, [{ number: 1, title: "x", statements: ["FINE", "BROKEN"] }]), /broken/);
    assert.deepEqual(session.done, []);
    assert.match(session.statements.at(-1) ?? "", /RELEASE_LOCK/);
  });
});

describe("app: environment", () => {
  let folder = "";
  let good: Environment = {};

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "webinfra-app-"));
    writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    writeFileSync(join(folder, "empty.pem"), "");
    const endpoint = (prefix: string): Record<string, string> => ({
      [`${prefix}_HOST`]: "127.0.0.1",
      [`${prefix}_PORT`]: "3306",
      [`${prefix}_USER`]: "guestbook",
      [`${prefix}_PASSWORD`]: "secret-word",
      [`${prefix}_NAME`]: "guestbook",
      [`${prefix}_CA`]: join(folder, "ca.pem"),
      [`${prefix}_SERVER_NAME`]: "mysql.webinfra.internal",
    });
    good = { ...endpoint("DATABASE_WRITE"), ...endpoint("DATABASE_READ"), SERVER_NAME: "web-1" };
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  const problem = (change: Environment): string => {
    try {
      loadConfig({ ...good, ...change });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message;
    }
    return "";
  };

  it("has defaults for all that is not a database", () => {
    const config = loadConfig(good);
    assert.equal(config.host, "127.0.0.1");
    assert.equal(config.port, 3000);
    assert.equal(config.serverName, "web-1");
    assert.equal(config.drainSeconds, 2);
    assert.equal(config.release, undefined);
  });

  it("names every variable at fault in one line, and no secret", () => {
    const message = problem({ DATABASE_WRITE_HOST: undefined, DATABASE_READ_PASSWORD: "", PORT: "http" });
    assert.equal(
      message,
      'environment: PORT is "http", it must be a whole number from 0 to 65535; ' +
        "DATABASE_WRITE_HOST is not set, it must be the address of the database endpoint; " +
        "DATABASE_READ_PASSWORD is not set, it must be that account's password",
    );
  });

  it("checks the ports, the certificate and the name to verify", () => {
    assert.equal(
      problem({ DATABASE_READ_PORT: "70000" }),
      'environment: DATABASE_READ_PORT is "70000", it must be a whole number from 1 to 65535',
    );
    assert.equal(
      problem({ DATABASE_READ_PORT: undefined }),
      "environment: DATABASE_READ_PORT is not set, it must be a whole number from 1 to 65535",
    );
    assert.equal(
      problem({ DATABASE_WRITE_CA: "/nowhere/ca.pem" }),
      'environment: DATABASE_WRITE_CA is "/nowhere/ca.pem", which cannot be read (ENOENT)',
    );
    const empty = join(folder, "empty.pem");
    assert.equal(
      problem({ DATABASE_WRITE_CA: empty }),
      `environment: DATABASE_WRITE_CA is "${empty}", which holds no PEM certificate`,
    );
    assert.equal(
      problem({ DATABASE_WRITE_SERVER_NAME: "10.0.0.5" }),
      'environment: DATABASE_WRITE_SERVER_NAME is "10.0.0.5", it must be a DNS name in the certificate, not an address',
    );
  });
});

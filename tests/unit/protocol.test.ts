import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type HostSettings,
  type Parsed,
  parseHostPointer,
  parseHostSettings,
  parseInventoryEntry,
  parsePrimaryPointer,
  parseReleasePointer,
  parseState,
  sameEpoch,
  settingsKey,
  writeFirstPrimaryPointer,
  writeHostPointer,
  writeHostSettings,
  writeInventoryEntry,
  writePrimaryPointer,
  releasesBefore,
  writeReleasePointer,
} from "../../core/protocol";

const folder = join(__dirname, "..", "..", "core", "protocol", "samples");

interface Samples {
  readonly accepted: readonly { readonly name: string; readonly text: string; readonly value: object }[];
  readonly refused: readonly { readonly name: string; readonly text: string }[];
}

const readers: Readonly<Record<string, (text: string) => Parsed<object>>> = {
  "host-pointer": parseHostPointer,
  "inventory-entry": parseInventoryEntry,
  "primary-pointer": parsePrimaryPointer,
  "release-pointer": parseReleasePointer,
  settings: parseHostSettings,
  state: parseState,
};

/** The words of a refusal. */
function problem(parsed: Parsed<object>): string {
  assert.ok(!parsed.ok, JSON.stringify(parsed));
  return parsed.problem;
}

describe("protocol: samples", () => {
  it("are there for every document, and for no other", () => {
    assert.deepEqual(
      readdirSync(folder).sort(),
      Object.keys(readers).map((name) => `${name}.json`),
    );
  });

  for (const [document, read] of Object.entries(readers)) {
    const samples = JSON.parse(readFileSync(join(folder, `${document}.json`), "utf8")) as Samples;
    for (const { name, text, value } of samples.accepted) {
      it(`${document}: accepts ${name}`, () => assert.deepEqual(read(text), { ok: true, value }));
    }
    for (const { name, text } of samples.refused) {
      it(`${document}: refuses ${name}`, () => assert.notEqual(problem(read(text)), ""));
    }
  }
});

describe("protocol: what is wrong with a document", () => {
  const pointer = { version: 2, epoch: 5, nonce: "3f", primary: "db-2", previous: null };
  const said = (document: unknown): string => problem(parsePrimaryPointer(JSON.stringify(document)));

  it("is said of a text that is no object", () => {
    assert.equal(problem(parsePrimaryPointer("")), "it is empty");
    assert.equal(problem(parsePrimaryPointer(" \n")), "it is empty");
    assert.equal(problem(parsePrimaryPointer('{"epoch"')), 'it is no JSON, or was cut off: it is "{\\"epoch\\""');
    assert.equal(
      problem(parsePrimaryPointer("x".repeat(100))),
      `it is no JSON, or was cut off: it begins with "${"x".repeat(60)}"`,
    );
    assert.equal(said([1]), "it is a list: should be an object");
    assert.equal(said(null), "it is null: should be an object");
    assert.equal(said(5), "it is a number: should be an object");
  });

  it("is said of a version", () => {
    assert.equal(said({ ...pointer, version: 3 }), "version 3 is none that this program knows (1, 2)");
    assert.equal(said({ ...pointer, version: "2" }), 'version "2" is none that this program knows (1, 2)');
  });

  it("names each key, its value, and what would be right", () => {
    assert.equal(
      said({ version: 2 }),
      "epoch is missing: should be a whole number from 1 to 9007199254740991; " +
        "nonce is missing: should be 1 to 64 lower-case letters and digits; " +
        "primary is missing: should be a host's name of 1 to 63 lower-case letters, digits and hyphens, such as db-2",
    );
    assert.equal(said({ ...pointer, epoch: 0 }), "epoch is 0: should be a whole number from 1 to 9007199254740991");
    assert.equal(
      said({ ...pointer, previous: { epoch: 4, nonce: "", primary: "DB-1" } }),
      'previous.primary is "DB-1": should be a host\'s name of 1 to 63 lower-case letters, digits and hyphens, such as db-2',
    );
    assert.equal(
      said({ ...pointer, previous: "db-1" }),
      'previous is "db-1": should be null or an object of epoch, nonce and primary',
    );
    assert.equal(said({ ...pointer, force: "yes" }), 'force is "yes": should be true or false');
  });

  it("names what is wrong with an entry of the inventory", () => {
    const entry = { machine: "m", name: "db-2", roles: ["database", "cache"], address: "10.77.0.256" };
    assert.equal(
      problem(parseInventoryEntry(JSON.stringify(entry))),
      'roles[1] is "cache": should be one of loadBalancer, webServer, appServer, database, monitor; ' +
        'address is "10.77.0.256": should be an IPv4 address, such as 10.77.0.5',
    );
  });

  it("names what is wrong with a release pointer and a state", () => {
    assert.equal(
      problem(parseReleasePointer('{"release":"abc"}')),
      'release is "abc": should be a SHA-256 of 64 lower-case hexadecimal digits',
    );
    const state = { machine: "m", name: "db-1", roles: [], converge: "done", healthy: true, database: { role: "x" } };
    assert.match(
      problem(parseState(JSON.stringify(state))),
      /^database\.role is "x": should be primary, replica, fenced or none; database\.writable is missing: should be true or false; /,
    );
  });
});

describe("protocol: writers", () => {
  it("write version 2, in one order of the keys", () => {
    assert.equal(
      writeInventoryEntry({ address: "10.77.0.5", roles: ["database"], name: "db-2", machine: "m-1" }),
      '{"version":2,"machine":"m-1","name":"db-2","roles":["database"],"address":"10.77.0.5","standby":false}',
    );
    assert.equal(
      writePrimaryPointer({
        force: true,
        previous: { epoch: 4, nonce: "", primary: "db-1" },
        primary: "db-2",
        nonce: "3f",
        epoch: 5,
      }),
      '{"version":2,"epoch":5,"nonce":"3f","primary":"db-2","previous":{"epoch":4,"nonce":"","primary":"db-1"},"force":true}',
    );
    assert.equal(
      writeFirstPrimaryPointer("db-1"),
      '{"version":2,"epoch":1,"nonce":"first","primary":"db-1","previous":null,"force":false}',
    );
    const release = "ab".repeat(32);
    assert.equal(writeReleasePointer(release), `{"version":2,"release":"${release}"}`);
    const before = "cd".repeat(32);
    assert.equal(
      writeReleasePointer(release, { previous: [before], quick: true }),
      `{"version":2,"release":"${release}","previous":["${before}"],"quick":true}`,
    );
    assert.equal(writeHostPointer(release), `{"version":1,"package":"${release}"}`);
  });

  it("write no pointer that a reader refuses", () => {
    assert.throws(() => writeReleasePointer("abc"), {
      message:
        "a document that no host would accept was about to be written: " +
        'release is "abc": should be a SHA-256 of 64 lower-case hexadecimal digits',
    });
    assert.throws(
      () => writePrimaryPointer({ epoch: 2 ** 53, nonce: "a", primary: "db-1", previous: null, force: false }),
      /epoch is 9007199254740992: should be a whole number/,
    );
  });
});

describe("protocol: what a release pointer remembers", () => {
  const releases = ["1", "2", "3", "4", "5", "6", "7"].map((digit) => digit.repeat(64));
  const before = (release: string, previous: readonly string[], quick = false): readonly string[] =>
    releasesBefore({ version: 2, release, previous, quick });
  const [one = "", two = "", three = ""] = releases;

  it("is what ran before, the last one first, each once, and five at most", () => {
    assert.deepEqual(before(one, []), [one]);
    assert.deepEqual(before(three, [two, one]), [three, two, one]);
    assert.deepEqual(before(one, [two, one]), [one, two]);
    assert.deepEqual(before(one, releases.slice(1)), releases.slice(0, 5));
  });

  it("is no quick one", () => {
    assert.deepEqual(before(three, [two, one], true), [two, one]);
  });
});

describe("protocol: settings of a host", () => {
  const settings: Omit<HostSettings, "version"> = {
    host: "db-1",
    domain: "www.foobar.com",
    application: { environment: { LOG_LEVEL: 'a "b"' } },
    database: { variables: { max_connections: "200" }, durability: "prefer", maxLagSeconds: 5 },
    sealed: null,
  };

  it("have a key of the host's own", () => assert.equal(settingsKey("db-1"), "settings/db-1.json"));

  it("are read as they were written", () => {
    const text = writeHostSettings(settings);
    assert.deepEqual(parseHostSettings(text), { ok: true, value: { version: 2, ...settings } });
  });

  const { database } = settings;
  assert.ok(database);
  const refused: readonly (readonly [changes: Partial<typeof settings>, problem: string])[] = [
    [
      { host: "DB-1" },
      'host is "DB-1": should be a host\'s name of 1 to 63 lower-case letters, digits and hyphens, such as db-2',
    ],
    [{ domain: "not a domain" }, 'domain is "not a domain": should be a domain name, such as www.foobar.com'],
    [
      { application: { environment: { "A-B": "x" } } },
      "application.environment.A-B: the name should be the name of an environment variable, such as LOG_LEVEL",
    ],
    [
      { database: { ...database, variables: { "Max Connections": "1" } } },
      "database.variables.Max Connections: the name should be the name of a MySQL variable",
    ],
    [
      { database: { ...database, variables: { max_connections: "1\n[client]" } } },
      'database.variables.max_connections is "1\\n[client]": should be one line',
    ],
    [
      { database: { ...database, maxLagSeconds: 0 } },
      "database.maxLagSeconds is 0: should be a number of seconds above 0",
    ],
  ];
  for (const [changes, problem] of refused) {
    it(`are not written when no host would accept them: ${problem}`, () => {
      assert.throws(() => writeHostSettings({ ...settings, ...changes }), {
        message: `a document that no host would accept was about to be written: ${problem}`,
      });
    });
  }
});

describe("protocol: epochs", () => {
  it("are one when number and nonce are", () => {
    assert.equal(sameEpoch({ epoch: 5, nonce: "a" }, { epoch: 5, nonce: "a" }), true);
    assert.equal(sameEpoch({ epoch: 5, nonce: "a" }, { epoch: 5, nonce: "b" }), false);
    assert.equal(sameEpoch({ epoch: 5, nonce: "a" }, { epoch: 6, nonce: "a" }), false);
  });
});

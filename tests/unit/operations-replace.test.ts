/** Whether a host may be made anew: what stands in the way, in the words that users see. */
import assert from "node:assert/strict";
import type { DatabaseState } from "../../core/protocol";
import type { Answer } from "../../operations/access/agent";
import type { SiteAccess } from "../../operations/access/types";
import { HostError, ReplacementRefusedError } from "../../operations/errors";
import type { HostMachine } from "../../operations/machines";
import {
  checkReplacement,
  judgeReplacement,
  type ReplacementFacts,
  replacementQuestion,
  type SiteHost,
} from "../../operations/replace";
import { noReleases } from "../support/access";
import { databaseState, hostState, memberState } from "../support/state";

const silent = "its agent does not answer";
const host = (name: string, roles: readonly string[], more: Partial<SiteHost> = {}): SiteHost => ({
  name,
  roles,
  trouble: null,
  database: null,
  ...more,
});
const database = (name: string, said: Partial<DatabaseState>, more: Partial<SiteHost> = {}): SiteHost =>
  host(name, ["database"], { database: databaseState(said), ...more });
const primary = (name: string): SiteHost => database(name, { role: "primary", writable: true });
const replica = (name: string): SiteHost => database(name, { role: "replica", replica: true });
const gone = (name: string, roles: readonly string[] = ["database"]): SiteHost =>
  host(name, roles, { trouble: silent });

const facts = (name: string, hosts: readonly SiteHost[], more: Partial<ReplacementFacts> = {}): ReplacementFacts => ({
  stack: "dev",
  host: name,
  discardData: false,
  durability: "prefer",
  holdsData: true,
  primary: "db-1",
  hosts,
  ...more,
});
const web = (name: string): SiteHost => host(name, ["webServer", "appServer"]);
const pair = [host("lb-1", ["loadBalancer"]), web("web-1"), primary("db-1"), replica("db-2")];
/** A server of replica-per-web. */
const server = (name: string, trouble: string | null = null): SiteHost =>
  host(name, ["webServer", "appServer", "database"], {
    trouble,
    database: trouble === null ? databaseState({ role: "replica", replica: true }) : null,
  });
const because = '"web-1" holds data, so that its machine goes before the next one comes, and no other host';

describe("operations: replace", () => {
  const cases: readonly (readonly [string, ReplacementFacts, string | undefined])[] = [
    ["a replica", facts("db-2", pair), undefined],
    ["a replica with its data", facts("db-2", pair, { discardData: true }), undefined],
    ["the only web server, which holds no data", facts("web-1", pair, { holdsData: false }), undefined],
    ["the only balancer, which holds no data", facts("lb-1", pair, { holdsData: false }), undefined],
    ["a web server that is gone", facts("web-1", [gone("web-1", ["webServer"])], { holdsData: false }), undefined],
    ["a replica that does not answer", facts("db-2", [primary("db-1"), gone("db-2")]), undefined],
    [
      "the data of a host that holds none",
      facts("web-1", pair, { holdsData: false, discardData: true }),
      '"web-1" holds no data: --discard-data is for a host with a data volume',
    ],
    ["the primary", facts("db-1", pair), '"db-1" takes writes: run `webinfra database promote db-2 --stack dev` first'],
    [
      "a host that takes writes, though the pointer names another one",
      facts("db-1", pair, { primary: "db-2" }),
      '"db-1" takes writes: run `webinfra database promote db-2 --stack dev` first',
    ],
    [
      "the primary without a replica to take over",
      facts("db-1", [primary("db-1"), gone("db-2")]),
      `"db-1" is the primary, and no replica is there to take over: db-2 (${silent}). Bring one back first`,
    ],
    [
      "a primary that takes no writes",
      facts("db-1", [gone("db-1"), replica("db-2")]),
      '"db-1" is the primary, and takes no writes now: bring it back with `webinfra up --stack dev --refresh`, or run ' +
        "`webinfra database promote db-2 --force --stack dev` first, which may lose acknowledged writes that only it holds",
    ],
    [
      "a single database",
      facts("db-1", [web("web-1"), primary("db-1")]),
      '"db-1" holds the only copy of the data: give the site a replica first (webinfra:replicas, and `webinfra up --stack dev`)',
    ],
    [
      "a replica while nobody takes writes",
      facts("db-2", [gone("db-1"), replica("db-2"), replica("db-3")]),
      `no other database takes writes now, and "db-2" could not follow any: db-1 (${silent}), db-3 (healthy). ` +
        "Bring the primary back, or promote another host, first",
    ],
    [
      'the only replica that acknowledges, with durability "require"',
      facts("db-2", [primary("db-1"), replica("db-2"), gone("db-3")], { durability: "require" }),
      '"db-2" is the only replica that acknowledges writes, and with durability "require" they would wait until it is back: ' +
        `bring another replica up first: db-3 (${silent})`,
    ],
    [
      'one of two replicas, with durability "require"',
      facts("db-2", [primary("db-1"), replica("db-2"), replica("db-3")], { durability: "require" }),
      undefined,
    ],
    [
      'a replica that acknowledges nothing anyway, with durability "require"',
      facts("db-2", [primary("db-1"), gone("db-2"), gone("db-3")], { durability: "require" }),
      undefined,
    ],
    [
      "a fenced replica on its data",
      facts("db-2", [
        primary("db-1"),
        database("db-2", { role: "fenced", fenced: "it has a:1" }, { trouble: "fenced" }),
      ]),
      '"db-2" is fenced (it has a:1), and would be so again on the same data: --discard-data makes it anew without them, and loses what it alone has',
    ],
    [
      "a fenced replica with its data",
      facts(
        "db-2",
        [primary("db-1"), database("db-2", { role: "fenced", fenced: "it has a:1" }, { trouble: "fenced" })],
        { discardData: true },
      ),
      undefined,
    ],
    [
      "a web server with a replica, with another one beside it",
      facts("web-1", [primary("db-1"), server("web-1"), server("web-2")]),
      undefined,
    ],
    [
      "a web server with a replica, and the other one is gone",
      facts("web-1", [primary("db-1"), server("web-1"), server("web-2", silent)]),
      `${because} with the role webServer is healthy: web-2 (${silent}). Bring one back first`,
    ],
    [
      "the only web server with a replica",
      facts("web-1", [primary("db-1"), server("web-1"), replica("db-2")]),
      `${because} has the role webServer: add one first`,
    ],
  ];
  for (const [what, given, problem] of cases) {
    it(`${problem === undefined ? "takes" : "refuses"} ${what}`, () => assert.equal(judgeReplacement(given), problem));
  }

  it("asks before a machine with data goes, before data go, and says what is lost with them", () => {
    const question = (given: ReplacementFacts) => replacementQuestion(given);
    assert.equal(question(facts("web-1", pair, { holdsData: false })), undefined);
    assert.equal(
      question(facts("db-2", pair)),
      'Make "db-2" anew? Its machine is deleted before the new one starts; its data volume stays.',
    );
    const discard = { discardData: true };
    const begin = 'Make "db-2" anew and throw its data away? They are copied again from "db-1".';
    assert.equal(question(facts("db-2", pair, discard)), begin);
    assert.equal(
      question(facts("db-2", [primary("db-1"), gone("db-2")], discard)),
      `${begin} It does not say what it has: what it alone may have is lost.`,
    );
    const alone = database("db-2", { role: "fenced", member: memberState({ alone: "a:1-3" }) });
    assert.equal(
      question(facts("db-2", [primary("db-1"), alone], discard)),
      `${begin} It alone has the transactions a:1-3, which are lost.`,
    );
  });

  describe("looks at the site", () => {
    const machine = (name: string, id = `m-${name}`): HostMachine => ({
      ...{ host: name, machine: id, roles: ["database"], running: true, address: "10.77.0.9" },
    });
    const says = (id: string, said: Partial<DatabaseState>): Answer =>
      hostState({ machine: id, database: databaseState(said) });
    const access = (machines: readonly HostMachine[], answers: Readonly<Record<string, Answer>>): SiteAccess => ({
      stack: "trial",
      machines: () => Promise.resolve(machines),
      state: ({ machine: id, gone: deleted }) =>
        Promise.resolve(deleted === true ? { silent: "its machine is gone" } : (answers[id] ?? { silent })),
      command: () => assert.fail("nothing is carried out"),
      connect: () => assert.fail("nothing is connected to"),
      channel: {
        primary: () =>
          Promise.resolve({
            ...{ version: 2, epoch: 3, nonce: "n", primary: "db-1", previous: null, previousKnown: true, force: false },
          }),
        movePrimary: () => assert.fail("the pointer stays"),
        hint: () => assert.fail("nobody is told anything"),
      },
      releases: noReleases,
    });
    const request = {
      ...{ host: "db-2", discardData: false, durability: "prefer" as const },
      ...{ dataHosts: new Set(["db-2"]), wanted: ["db-1", "db-2"] },
    };
    const machines = [machine("db-1"), machine("db-2")];
    const answers = {
      "m-db-1": says("m-db-1", { role: "primary", writable: true }),
      "m-db-2": says("m-db-2", { role: "replica", replica: true }),
    };

    it("and finds what it is judged by", async () => {
      const found = await checkReplacement(access(machines, answers), [], request);
      assert.deepEqual(
        [found.holdsData, found.primary, found.hosts.map(({ name }) => name)],
        [true, "db-1", ["db-1", "db-2"]],
      );
    });

    it("and counts a host once, by its healthy machine; another machine's answer is none", async () => {
      const two = [...machines, machine("db-1", "m-old")];
      assert.equal((await checkReplacement(access(two, answers), [], request)).hosts.length, 2);
      const stranger = { ...answers, "m-db-1": says("m-other", { role: "primary", writable: true }) };
      await assert.rejects(checkReplacement(access(machines, stranger), [], request), (error) => {
        assert.ok(error instanceof ReplacementRefusedError);
        assert.equal(
          error.message,
          'no other database takes writes now, and "db-2" could not follow any: db-1 (another machine answers at its address). ' +
            "Bring the primary back, or promote another host, first. Nothing was changed.",
        );
        return true;
      });
    });

    it("and takes a host whose machine somebody deleted", async () => {
      const found = await checkReplacement(
        access([machine("db-1")], answers),
        [{ machine: "m-db-2", host: "db-2", roles: ["database"] }],
        request,
      );
      assert.equal(found.hosts.find(({ name }) => name === "db-2")?.trouble, "its machine is gone");
    });

    it("and leaves one whose replacement was cut short to `up`", () =>
      assert.rejects(checkReplacement(access([machine("db-1")], answers), [], request), (error) => {
        assert.ok(error instanceof ReplacementRefusedError);
        assert.equal(
          error.message,
          '"db-2" has no machine now: `webinfra up --stack trial` makes it, on its data where they are there. Nothing was changed.',
        );
        return true;
      }));

    it("and names the hosts that there are", () =>
      assert.rejects(checkReplacement(access(machines, answers), [], { ...request, host: "db-3" }), (error) => {
        assert.ok(error instanceof HostError);
        assert.equal(
          error.message,
          'there is no host "db-3" in the stack "trial" (did you mean "db-1"?); hosts: db-1, db-2',
        );
        return true;
      }));
  });
});

import assert from "node:assert/strict";
import { databaseState, hostState } from "../support/state";
import type { State } from "../../core/protocol";
import type { Answer, ProbeOptions } from "../../provider/probe";
import { agentCheck } from "../../provider/ready/checks/agent";
import { balancerCheck } from "../../provider/ready/checks/balancer";
import { type Ask, type Expectation, type ExpectedMachine, throughAddress } from "../../provider/ready/checks/check";
import { packageCheck } from "../../provider/ready/checks/package";
import { settingsCheck } from "../../provider/ready/checks/settings";
import { siteCheck } from "../../provider/ready/checks/site";
import { observer } from "../../provider/ready/observe";
import { failureReport, statusLine, unseenLine } from "../../provider/ready/report";

const release = "a".repeat(64);
const lb: ExpectedMachine = { machine: "m-lb-1", name: "lb-1", roles: ["loadBalancer"], address: "10.77.0.5" };
const web: ExpectedMachine = {
  machine: "m-web-1",
  name: "web-1",
  roles: ["webServer", "appServer"],
  address: "10.77.0.6",
};
const app: ExpectedMachine = { machine: "m-app-1", name: "app-1", roles: ["appServer"], address: "10.77.0.7" };
const db: ExpectedMachine = { machine: "m-db-2", name: "db-2", roles: ["database"], address: "10.77.0.9" };
const site = "http://www.foobar.com";
const expectation: Expectation = { site, machines: [lb, web], release };

const answer = (status: number, headers: Record<string, string> = {}, body = ""): Answer => ({ status, headers, body });
const agent = (machine: string, more: object = {}): Answer =>
  answer(200, {}, JSON.stringify({ ...hostState({ machine }), ...more }));
const page = (machine: string, release: string): Answer => answer(200, { "x-machine": machine, "x-release": release });

const agentOf = ({ address }: ExpectedMachine): string => `http://${address}:9000/state`;
const balancer = `http://${lb.address}/-/balancer`;
const host = `http://${lb.address}/-/host`;

/** What answers where, on a site that is ready. */
const readySite = () =>
  new Map<string, Answer>([
    [agentOf(lb), agent(lb.machine)],
    [agentOf(web), agent(web.machine)],
    [balancer, answer(200, { "x-machine": lb.machine })],
    [host, page(web.machine, release)],
    [`${site}/`, answer(200)],
  ]);
type Site = ReturnType<typeof readySite>;

const refused: Answer = { status: undefined, problem: "connection refused" };
const asking =
  (answers: Site, asked: [string, ProbeOptions | undefined][] = []): Ask =>
  (url, options) => {
    asked.push([url, options]);
    return Promise.resolve(answers.get(url) ?? refused);
  };

/** What one look at a site misses. */
async function missing(wanted: Expectation, answers: Site): Promise<string[]> {
  const missed = await observer(wanted, 9000)(asking(answers));
  return missed.map(({ machine, reason }) => (machine === undefined ? reason : `${machine.name}: ${reason}`));
}

describe("provider: what Ready checks", () => {
  it("misses nothing when everything was seen", async () => {
    assert.deepEqual(await missing(expectation, readySite()), []);
  });

  it("asks balancers by their address with the site's name, and the site itself with the name that it is given", async () => {
    const asked: [string, ProbeOptions | undefined][] = [];
    await observer({ ...expectation, host: "shop.foobar.com" }, 9000)(asking(readySite(), asked));
    assert.deepEqual(
      new Map(asked),
      new Map<string, ProbeOptions | undefined>([
        [agentOf(lb), undefined],
        [agentOf(web), undefined],
        [balancer, { host: "www.foobar.com" }],
        [host, { timeoutMs: 10_000, host: "www.foobar.com" }],
        [`${site}/`, { timeoutMs: 10_000, host: "shop.foobar.com" }],
      ]),
    );
    assert.equal(asked.length, 5);
  });

  it("asks a balancer by its address with the site's name, scheme and port", () => {
    assert.deepEqual(throughAddress("http://www.foobar.com:8080/shop", "10.77.0.5", "/-/host"), {
      url: "http://10.77.0.5:8080/-/host",
      host: "www.foobar.com:8080",
    });
    assert.deepEqual(throughAddress("https://www.foobar.com", "10.77.0.5", "/-/host"), {
      url: "https://10.77.0.5/-/host",
      host: "www.foobar.com",
    });
  });

  it("takes a redirection, and an API with nothing at its root, for a site that is served", async () => {
    for (const status of [200, 302, 404]) {
      assert.deepEqual(await missing(expectation, readySite().set(`${site}/`, answer(status))), []);
    }
  });

  it("asks for a database that takes writes where databases can be asked", async () => {
    const withDatabase = { ...expectation, machines: [lb, web, db] };
    const answers = readySite().set(agentOf(db), agent(db.machine, { database: databaseState() }));
    assert.deepEqual(await missing(withDatabase, answers), [
      "no database of these hosts takes writes: when the primary is a host that this update takes away, promote another one first",
    ]);
    answers.set(agentOf(db), agent(db.machine, { database: databaseState({ role: "replica" }) }));
    assert.deepEqual(await missing(withDatabase, answers), [
      "no database of these hosts takes writes: when the primary is a host that this update takes away, promote another one first, " +
        "such as with `webinfra database promote db-2`",
    ]);
    answers.set(agentOf(db), agent(db.machine, { database: databaseState({ writable: true }) }));
    assert.deepEqual(await missing(withDatabase, answers), []);
  });

  it("asks for every machine before the site", async () => {
    assert.deepEqual(await missing(expectation, new Map()), [
      "lb-1: its agent does not answer (connection refused)",
      "web-1: its agent does not answer (connection refused)",
    ]);
  });

  describe("the host package", () => {
    const [wanted, old] = ["1".repeat(64), "2".repeat(64)];
    const look = (hostPackage: string, package_: object | null, more: Partial<Expectation> = {}) =>
      observer(
        { ...expectation, hostPackage, ...more },
        9000,
      )(asking(readySite().set(agentOf(web), agent(web.machine, { package: package_ }))));
    const reasons = async (...given: Parameters<typeof look>): Promise<string[]> =>
      (await look(...given)).map(({ reason }) => reason);
    const says = { running: old, good: old, refused: null, waiting: null };

    it("is waited for until each machine has found it good", async () => {
      assert.deepEqual(await reasons(wanted, says), ["runs host package 222222222222, not 111111111111"]);
      assert.deepEqual(await reasons(wanted, { ...says, waiting: "waits for lb-1" }), [
        "runs host package 222222222222, not 111111111111: waits for lb-1",
      ]);
      assert.deepEqual(await reasons(wanted, { ...says, good: null }), ["runs host package none, not 111111111111"]);
      assert.deepEqual(await reasons(wanted, { ...says, running: wanted, good: wanted }), []);
    });

    it("that was refused is not waited for", async () => {
      const refused = { package: wanted, reason: "its agent did not answer for 60 s" };
      assert.deepEqual(await look(wanted, { ...says, refused }), [
        {
          machine: web,
          reason:
            "refused the host package 111111111111: its agent did not answer for 60 s; it went back to 222222222222",
          logs: ["converge"],
          final: true,
        },
      ]);
      assert.deepEqual(await look(wanted, { ...says, refused: { ...refused, package: "3".repeat(64) } }), [
        { machine: web, reason: "runs host package 222222222222, not 111111111111", logs: ["converge"] },
      ]);
    });

    it("is not asked for where none is wanted, where a machine knows of none, and where machines cannot be asked", async () => {
      assert.deepEqual(await reasons("", says), []);
      assert.deepEqual(await reasons(wanted, null), []);
      const scene = {
        expectation: { ...expectation, hostPackage: wanted, reach: "public" as const },
        agents: new Map([[web.machine, agent(web.machine, { package: says })]]),
      };
      assert.equal(packageCheck(scene).missing(web), undefined);
    });
  });

  describe("the settings", () => {
    const [wanted, old] = ["1".repeat(64), "2".repeat(64)];
    const look = (settings: string | undefined, said: State["settings"], more: Partial<Expectation> = {}) => {
      const machine: ExpectedMachine = { ...web, ...(settings !== undefined && { settings }) };
      return observer(
        { ...expectation, machines: [lb, machine], ...more },
        9000,
      )(asking(readySite().set(agentOf(web), agent(web.machine, { settings: said }))));
    };
    const reasons = async (...given: Parameters<typeof look>): Promise<string[]> =>
      (await look(...given)).map(({ machine, reason }) => `${machine?.name ?? "the site"}: ${reason}`);
    const says = { applied: old, refused: null, waiting: null, pending: [] };

    it("are waited for until each machine has them in force", async () => {
      assert.deepEqual(await reasons(wanted, says), ["web-1: has not applied its settings yet"]);
      assert.deepEqual(await reasons(wanted, { ...says, applied: "" }), ["web-1: has not applied its settings yet"]);
      assert.deepEqual(await reasons(wanted, { ...says, waiting: "MySQL is activating" }), [
        "web-1: has not applied its settings yet: MySQL is activating",
      ]);
      assert.deepEqual(await reasons(wanted, { ...says, applied: wanted }), []);
    });

    it("are in force though a part of them takes effect later", async () => {
      const pending = ["port takes effect when MySQL starts next"];
      assert.deepEqual(await reasons(wanted, { ...says, applied: wanted, pending }), []);
    });

    it("that were refused are not waited for", async () => {
      const reason = "MySQL refuses its configuration: unknown variable 'x=1'";
      const machine = { ...web, settings: wanted };
      assert.deepEqual(await look(wanted, { ...says, refused: { settings: wanted, reason } }), [
        { machine, reason: `refused its settings: ${reason}`, logs: ["converge"], final: true },
      ]);
      // Those that were refused are not those that are wanted now.
      assert.deepEqual(await look(wanted, { ...says, refused: { settings: "3".repeat(64), reason } }), [
        { machine, reason: "has not applied its settings yet", logs: ["converge"] },
      ]);
      // It has what is wanted, whatever it refused before.
      assert.deepEqual(await look(wanted, { ...says, applied: wanted, refused: { settings: wanted, reason } }), []);
    });

    it("are not asked for where none are wanted, where a machine knows of none, and where machines cannot be asked", async () => {
      assert.deepEqual(await reasons("", says), []);
      assert.deepEqual(await reasons(undefined, says), []);
      assert.deepEqual(await reasons(wanted, null), []);
      // Agents are not asked then.
      const scene = { expectation: { ...expectation, reach: "public" as const }, agents: new Map<string, Answer>() };
      assert.equal(settingsCheck(scene).missing({ ...web, settings: wanted }), undefined);
    });
  });

  describe("the application", () => {
    const reason = "the application ended after 5 s with exit code 1, 6 times in a row";
    const short = release.slice(0, 12);
    const wanted = { ...expectation, machines: [lb, web, db] };
    const primary = { database: databaseState({ role: "primary", writable: true }) };
    const trouble = (more: Partial<NonNullable<State["application"]>> = {}) => ({
      release,
      reason,
      final: false,
      ...more,
    });
    /** What a look misses where web-1 says this. */
    const look = (more: Partial<State>, of: Expectation = wanted) => {
      const answers = readySite().set(agentOf(db), agent(db.machine, primary));
      answers.set(
        agentOf(web),
        agent(web.machine, { healthy: false, error: "Nginx does not answer", release: "", ...more }),
      );
      return observer(of, 9000)(asking(answers.set(host, answer(503))));
    };

    it("that is not healthy is why its host is not, and is told with its own log alone", async () => {
      assert.deepEqual(await look({ application: trouble() }), [
        { machine: web, reason: `release ${short}: ${reason}`, logs: ["application"] },
      ]);
    });

    it("that is a new release is told with the one that goes on serving", async () => {
      const old = "b".repeat(64);
      const [missed] = await look({ healthy: true, error: null, release: old, application: trouble() });
      assert.equal(missed?.reason, `release ${short}: ${reason}, and release bbbbbbbbbbbb goes on serving`);
    });

    it("that is tried with other variables is told from the one that goes on serving", async () => {
      const [missed] = await look({ healthy: true, error: null, release, application: trouble() });
      assert.equal(missed?.reason, `release ${short}: ${reason}, and what ran before goes on serving`);
    });

    it("is waited for until the host says that there is nothing to wait for", async () => {
      const finals = async (more: Partial<State>, of?: Expectation) => (await look(more, of)).map(({ final }) => final);
      assert.deepEqual(await finals({ application: trouble() }), [undefined]);
      assert.deepEqual(await finals({ application: trouble({ final: true }) }), [true]);
      const machine = (settings: string) => ({ ...wanted, machines: [lb, { ...web, settings }, db] });
      const state = {
        application: trouble({ final: true }),
        settings: { applied: "1".repeat(64), refused: null, waiting: null, pending: [] },
      };
      assert.deepEqual(await finals(state, machine("1".repeat(64))), [true]);
      // With those it is started anew.
      assert.deepEqual(await finals(state, machine("2".repeat(64))), [undefined]);
    });

    it("of another release is none that is waited for", async () => {
      const [missed] = await look({ application: trouble({ release: "c".repeat(64), final: true }) });
      assert.equal(missed?.reason, "not healthy: Nginx does not answer");
      assert.equal(missed.final, undefined);
    });

    it("of any release is why, where none is wanted", async () => {
      const [missed] = await look({ application: trouble({ release: "c".repeat(64) }) }, { ...wanted, release: "" });
      assert.equal(missed?.reason, `release cccccccccccc: ${reason}`);
    });

    it("is not why while its host is set up, or has a database that does not serve", async () => {
      const application = trouble({ final: true });
      const [early] = await look({ application, converge: "running", step: "installing packages" });
      assert.deepEqual(early, {
        machine: web,
        reason: "still being set up: installing packages",
        logs: ["converge", "cloud-init"],
      });
      const [fenced] = await look({ application, error: "MySQL is fenced", database: databaseState() });
      assert.deepEqual(fenced, {
        machine: web,
        reason: "not healthy: MySQL is fenced",
        logs: ["application", "converge"],
      });
    });

    it("that is hopeless leaves others in the middle of their set-up, which are no cause", async () => {
      const answers = readySite()
        .set(agentOf(web), agent(web.machine, { healthy: false, release: "", application: trouble({ final: true }) }))
        .set(agentOf(lb), agent(lb.machine, { converge: "failed", step: "starting HAProxy" }))
        .set(agentOf(db), agent(db.machine, { converge: "running", step: "starting MySQL" }));
      const missed = await observer(wanted, 9000)(asking(answers));
      assert.deepEqual(
        missed.map(({ machine, reason, logs }) => [machine?.name, reason, logs]),
        [
          ["web-1", `release ${short}: ${reason}`, ["application"]],
          ["lb-1", "could not be set up: failed while starting HAProxy (it tries again)", ["converge", "cloud-init"]],
          ["db-2", "still being set up: starting MySQL", []],
        ],
      );
    });

    it("comes first, and hosts that only lack it are told without their logs", async () => {
      const nginx: ExpectedMachine = {
        ...web,
        machine: "m-web-2",
        name: "web-2",
        roles: ["webServer"],
        address: "10.77.0.10",
      };
      const answers = readySite()
        .set(agentOf(app), agent(app.machine, { healthy: false, release: "", application: trouble() }))
        .set(agentOf(nginx), agent(nginx.machine, { healthy: false, error: "Nginx does not answer" }))
        .set(agentOf(lb), agent(lb.machine, { converge: "running", step: "starting HAProxy" }));
      const machines = [lb, nginx, app];
      const missed = await observer({ site, machines, release }, 9000)(asking(answers));
      assert.deepEqual(
        missed.map(({ machine, logs }) => [machine?.name, logs]),
        [
          ["app-1", ["application"]],
          ["lb-1", ["converge", "cloud-init"]],
          ["web-2", []],
        ],
      );
    });
  });

  it("takes nothing for seen before it has looked", () => {
    const scene = { expectation, agents: new Map<string, Answer>() };
    assert.equal(agentCheck(scene).missing(lb), "not asked yet");
    assert.equal(balancerCheck(scene).missing(lb), "its balancer was not asked yet");
    assert.equal(siteCheck(scene).missing(), "its first page was not asked for yet");
  });

  const cases: [string, (answers: Site) => void, string][] = [
    [
      "an agent that does not answer",
      (answers) => answers.delete(agentOf(web)),
      "web-1: its agent does not answer (connection refused)",
    ],
    [
      "an agent that is no agent",
      (answers) => answers.set(agentOf(web), answer(502)),
      "web-1: its agent answers 502 with something else than its state: it is empty",
    ],
    [
      "an old machine at the new one's address",
      (answers) => answers.set(agentOf(web), agent("m-old")),
      "web-1: another machine (m-old) answers at its address 10.77.0.6: it was replaced, or the address was given away",
    ],
    [
      "a machine that was just begun",
      (answers) => answers.set(agentOf(web), agent(web.machine, { converge: "running" })),
      "web-1: still being set up",
    ],
    [
      "a machine that converges",
      (answers) => answers.set(agentOf(web), agent(web.machine, { converge: "running", step: "installing packages" })),
      "web-1: still being set up: installing packages",
    ],
    [
      "a failed step, which is tried again",
      (answers) =>
        answers.set(
          agentOf(web),
          agent(web.machine, { converge: "failed", step: "installing packages", error: "no mirror" }),
        ),
      "web-1: could not be set up: failed while installing packages (it tries again)",
    ],
    [
      "a machine that is not healthy",
      (answers) => answers.set(agentOf(web), agent(web.machine, { healthy: false, error: "nginx is down" })),
      "web-1: not healthy: nginx is down",
    ],
    ["a web machine that was not seen", (answers) => answers.delete(host), "web-1: not seen serving through lb-1"],
    [
      "an answer of the old machine of that name only",
      (answers) => answers.set(host, page("m-old-web-1", release)),
      "web-1: not seen serving through lb-1",
    ],
    [
      "an error, which names the machine that it comes from and shows nothing",
      (answers) => answers.set(host, answer(503, { "x-machine": web.machine, "x-release": release })),
      "web-1: not seen serving through lb-1",
    ],
    [
      "a web machine that serves the release before",
      (answers) => answers.set(host, page(web.machine, "b".repeat(64))),
      "web-1: serves release bbbbbbbbbbbb through lb-1, not release aaaaaaaaaaaa",
    ],
    [
      "a balancer that does not answer",
      (answers) => answers.set(balancer, { status: undefined, problem: "no answer within 2 s" }),
      "lb-1: its balancer does not answer (no answer within 2 s)",
    ],
    ["a balancer that refuses", (answers) => answers.set(balancer, answer(503)), "lb-1: its balancer answers 503"],
    [
      "the old balancer at the new one's address",
      (answers) => answers.set(balancer, answer(200, { "x-machine": "m-old" })),
      "lb-1: another machine (m-old) answers at its address 10.77.0.5 as the balancer: it was replaced, or the address was given away",
    ],
    [
      "something else at the balancer's address",
      (answers) => answers.set(balancer, answer(200)),
      "lb-1: what answers at its address 10.77.0.5 is no balancer of this site",
    ],
    ["a site that answers with an error", (answers) => answers.set(`${site}/`, answer(503)), "the site answers 503"],
    [
      "a site that does not answer",
      (answers) => answers.delete(`${site}/`),
      "the site does not answer (connection refused)",
    ],
  ];
  for (const [what, change, reason] of cases) {
    it(`sees ${what}`, async () => {
      const answers = readySite();
      change(answers);
      assert.deepEqual(await missing(expectation, answers), [reason]);
    });
  }

  it("asks an app host itself for its release, and any host when no release is known", async () => {
    const answers = new Map([
      [agentOf(app), agent(app.machine, { release: "b".repeat(64) })],
      [`${site}/`, answer(200)],
    ]);
    assert.deepEqual(await missing({ site, machines: [app], release }, answers), [
      "app-1: runs release bbbbbbbbbbbb, not release aaaaaaaaaaaa",
    ]);
    assert.deepEqual(await missing({ site, machines: [app], release: "" }, answers), []);
  });

  it("wants each web machine through each balancer", async () => {
    const second = { ...lb, machine: "m-lb-2", name: "lb-2", address: "10.77.0.8" };
    const answers = readySite()
      .set(agentOf(second), agent(second.machine))
      .set(`http://${second.address}/-/balancer`, answer(200, { "x-machine": second.machine }));
    assert.deepEqual(await missing({ ...expectation, machines: [lb, second, web] }, answers), [
      "web-1: not seen serving through lb-2",
    ]);
  });

  it("remembers what a balancer has shown, and believes each agent's latest word", async () => {
    const look = observer(expectation, 9000);
    const answers = readySite();
    assert.deepEqual(await look(asking(answers)), []);
    answers.set(host, page("m-old-web-1", release)).set(agentOf(web), agent(web.machine, { healthy: false }));
    assert.deepEqual(await look(asking(answers)), [{ machine: web, reason: "not healthy", logs: ["converge"] }]);
    answers.set(agentOf(web), agent(web.machine));
    assert.deepEqual(await look(asking(answers)), []);
  });

  it("asks nothing of a passive web server's pages, but its release of itself", async () => {
    const standby = { ...web, machine: "m-web-2", name: "web-2", address: "10.77.0.8", standby: true };
    const answers = readySite().set(agentOf(standby), agent(standby.machine, { release: "b".repeat(64) }));
    const wanted = { ...expectation, machines: [lb, web, standby] };
    assert.deepEqual(await missing(wanted, answers), ["web-2: runs release bbbbbbbbbbbb, not release aaaaaaaaaaaa"]);
    answers.set(agentOf(standby), agent(standby.machine, { release }));
    assert.deepEqual(await missing(wanted, answers), []);
  });

  describe("where the site's address alone is in reach", () => {
    const second = { ...lb, machine: "m-lb-2", name: "lb-2", address: "10.77.0.8" };
    const wanted: Expectation = { ...expectation, machines: [lb, second, web, db], reach: "public" };
    const publicSite = () =>
      new Map<string, Answer>([
        [`${site}/-/balancer`, answer(200, { "x-machine": second.machine })],
        [`${site}/-/host`, page(web.machine, release)],
        [`${site}/`, answer(200)],
      ]);

    it("what one balancer shows counts for all, and no agent is asked", async () => {
      assert.deepEqual(await missing(wanted, publicSite()), []);
    });

    it("sees that it is still an old balancer's, or no balancer's at all", async () => {
      const answers = publicSite().set(`${site}/-/balancer`, answer(200, { "x-machine": "m-old" }));
      const old = "the balancer at the site's address is still another machine (m-old)";
      assert.deepEqual(await missing(wanted, answers), [`lb-1: ${old}`, `lb-2: ${old}`]);
      answers.set(`${site}/-/balancer`, answer(200));
      const none = "what answers at the site's address is no balancer of this site";
      assert.deepEqual(await missing(wanted, answers), [`lb-1: ${none}`, `lb-2: ${none}`]);
    });
  });
});

describe("provider: what Ready says", () => {
  it("says in one line what it waits for", () => {
    const missed = [1, 2, 3, 4].map((n) => ({ machine: { ...web, name: `web-${String(n)}` }, reason: "starting" }));
    assert.equal(statusLine(missed), "waiting for web-1: starting; web-2: starting; web-3: starting (and 1 more)");
  });

  it("parts machines by what no reason holds", () => {
    const missed = [web, app].map((machine) => ({ machine, reason: 'GET / answers 500: "a; b"' }));
    assert.equal(statusLine(missed), 'waiting for web-1: GET / answers 500: "a, b"; app-1: GET / answers 500: "a, b"');
  });

  it("say what cannot be seen of a site behind its public address", () => {
    const host = (name: string, ...roles: readonly string[]) => ({
      machine: `m-${name}`,
      name,
      roles,
      address: "10.0.0.2",
    });
    const machines = [host("lb-1", "loadBalancer"), host("web-1", "webServer", "appServer")];
    assert.equal(
      unseenLine({ reach: "public", machines: [...machines, host("db-1", "database"), host("db-2", "database")] }),
      "The site was seen through its address alone. What cannot be seen from here: whether db-1, db-2 are healthy, which balancers stand by, which host package and definition each host runs, and whether its settings are in force.",
    );
    assert.equal(
      unseenLine({ reach: "public", machines }),
      "The site was seen through its address alone. What cannot be seen from here: which balancers stand by, which host package and definition each host runs, and whether its settings are in force.",
    );
    assert.equal(unseenLine({ reach: "private", machines }), undefined);
  });

  it("reports each machine with its id, its last state and its logs", () => {
    const report = failureReport(
      "http://10.77.0.5",
      300,
      [{ machine: web, reason: "still being set up: installing packages" }, { reason: "the site answers 503" }],
      new Map([[web.machine, "journal of webinfra-converge:\n  E: no mirror"]]),
    );
    assert.equal(
      report,
      [
        "the site http://10.77.0.5 is not ready after 300 s:",
        "  web-1 (machine m-web-1 at 10.77.0.6): still being set up: installing packages",
        "    journal of webinfra-converge:",
        "      E: no mirror",
        "  the site answers 503",
        "Nothing was deleted: machines that served before still do. Look further with `webinfra logs web-1`, mend the " +
          "cause, and run the update again; `webinfra:readyTimeoutSeconds` is the time it waits.",
      ].join("\n"),
    );
    const ofTheSite = failureReport("http://10.77.0.5", 300, [{ reason: "the site answers 503" }], new Map());
    assert.match(ofTheSite, /Look further with `webinfra logs`, mend the cause/);
  });
});

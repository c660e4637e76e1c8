import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { databaseState, hostState } from "../support/state";
import type { Answer } from "../../provider/probe";
import { isUp, ready, throughAddress, waitUntilReady } from "../../provider/ready";
import {
  type ExpectedMachine,
  failureReport,
  missing,
  noteSighting,
  nothingSeen,
  type Observations,
  statusLine,
} from "../../provider/readiness";

const release = "a".repeat(64);
const lb: ExpectedMachine = { machine: "m-lb-1", name: "lb-1", roles: ["loadBalancer"], address: "127.0.0.1" };
const web: ExpectedMachine = {
  machine: "m-web-1",
  name: "web-1",
  roles: ["webServer", "appServer"],
  address: "127.0.0.2",
};
const app: ExpectedMachine = { machine: "m-app-1", name: "app-1", roles: ["appServer"], address: "127.0.0.3" };
const expectation = { machines: [lb, web], release };

function agent(machine: string, more: object = {}): Answer {
  const body = JSON.stringify({ ...hostState({ machine }), ...more });
  return { status: 200, headers: {}, body };
}

function answer(status: number, headers: Record<string, string> = {}): Answer {
  return { status, headers, body: "" };
}

function allSeen(): Observations {
  const seen = nothingSeen();
  seen.agents.set(lb.machine, agent(lb.machine)).set(web.machine, agent(web.machine));
  seen.balancers.set(lb.machine, answer(200, { "x-machine": lb.machine }));
  noteSighting(seen, [lb.machine], answer(200, { "x-machine": web.machine, "x-release": release }));
  seen.site = answer(200);
  return seen;
}

describe("provider: readiness", () => {
  it("is reached when everything was seen", () => {
    assert.deepEqual(missing(expectation, allSeen()), []);
  });

  it("is not shown by an error that names the machine it comes from", () => {
    const seen = allSeen();
    seen.sightings.clear();
    noteSighting(seen, [lb.machine], answer(503, { "x-machine": web.machine, "x-release": release }));
    assert.deepEqual(
      missing(expectation, seen).map((one) => one.reason),
      ["not seen serving through lb-1"],
    );
  });

  it("takes a redirection, and an API with nothing at its root, for a site that is served", () => {
    for (const status of [200, 302, 404]) {
      const seen = allSeen();
      seen.site = answer(status);
      assert.deepEqual(missing(expectation, seen), []);
    }
  });

  it("asks for a database that takes writes where databases can be asked", () => {
    const db: ExpectedMachine = { machine: "m-db", name: "db-2", roles: ["database"], address: "10.77.0.9" };
    const withDatabase = { ...expectation, machines: [...expectation.machines, db] };
    const seen = allSeen();
    seen.agents.set(db.machine, agent(db.machine, { database: databaseState() }));
    assert.deepEqual(
      missing(withDatabase, seen).map(({ reason }) => reason),
      [
        "no database of these hosts takes writes: when the primary is a host that this update takes away, promote another one first " +
          "with `webinfra database promote HOST`",
      ],
    );
    seen.agents.set(db.machine, agent(db.machine, { database: databaseState({ writable: true }) }));
    assert.deepEqual(missing(withDatabase, seen), []);
  });

  it("asks for every machine", () => {
    assert.deepEqual(
      missing(expectation, nothingSeen()).map((one) => `${one.machine?.name ?? ""}: ${one.reason}`),
      ["lb-1: not asked yet", "web-1: not asked yet"],
    );
  });

  const cases: [string, (seen: Observations) => void, string][] = [
    [
      "an agent that does not answer",
      (seen) => seen.agents.set(web.machine, { status: undefined, problem: "connection refused" }),
      "its agent does not answer (connection refused)",
    ],
    [
      "an agent that is no agent",
      (seen) => seen.agents.set(web.machine, answer(502)),
      "its agent answers 502 with something else than its state: it is empty",
    ],
    [
      "an old machine at the new one's address",
      (seen) => seen.agents.set(web.machine, agent("m-old")),
      "its address is answered by another machine, m-old",
    ],
    [
      "a machine that converges",
      (seen) => seen.agents.set(web.machine, agent(web.machine, { converge: "running", step: "installing packages" })),
      "installing packages",
    ],
    [
      "a failed step, which is tried again",
      (seen) =>
        seen.agents.set(web.machine, agent(web.machine, { converge: "failed", step: "packages", error: "no mirror" })),
      'failed at "packages": no mirror (it tries again)',
    ],
    [
      "a machine that is not healthy",
      (seen) => seen.agents.set(web.machine, agent(web.machine, { healthy: false, error: "nginx is down" })),
      "not healthy: nginx is down",
    ],
    ["a web machine that was not seen", (seen) => seen.sightings.clear(), "not seen serving through lb-1"],
    [
      "an answer of the old machine of that name only",
      (seen) => seen.sightings.set(lb.machine, new Map([["m-old-web-1", release]])),
      "not seen serving through lb-1",
    ],
    [
      "a web machine that serves the release before",
      (seen) => seen.sightings.set(lb.machine, new Map([[web.machine, "b".repeat(64)]])),
      "serves release bbbbbbbbbbbb through lb-1, not release aaaaaaaaaaaa",
    ],
    [
      "a balancer that does not answer",
      (seen) => seen.balancers.set(lb.machine, { status: undefined, problem: "no answer within 2 s" }),
      "its balancer does not answer (no answer within 2 s)",
    ],
    ["a balancer that refuses", (seen) => seen.balancers.set(lb.machine, answer(503)), "its balancer answers 503"],
    [
      "the old balancer at the new one's address",
      (seen) => seen.balancers.set(lb.machine, answer(200, { "x-machine": "m-old" })),
      "its balancer answers as another machine, m-old",
    ],
    ["a site that answers with an error", (seen) => (seen.site = answer(503)), "the site answers 503"],
    [
      "a site that does not answer",
      (seen) => (seen.site = { status: undefined, problem: "connection refused" }),
      "the site does not answer (connection refused)",
    ],
  ];
  for (const [what, change, reason] of cases) {
    it(`sees ${what}`, () => {
      const seen = allSeen();
      change(seen);
      assert.deepEqual(
        missing(expectation, seen).map((one) => one.reason),
        [reason],
      );
    });
  }

  it("asks an app host itself for its release, and any host when no release is known", () => {
    const seen = nothingSeen();
    seen.agents.set(app.machine, agent(app.machine, { release: "b".repeat(64) }));
    assert.deepEqual(
      missing({ machines: [app], release }, seen).map((one) => one.reason),
      ["runs release bbbbbbbbbbbb, not release aaaaaaaaaaaa"],
    );
    seen.site = answer(200);
    assert.deepEqual(missing({ machines: [app], release: "" }, seen), []);
  });

  it("wants each web machine through each balancer", () => {
    const second = { ...lb, machine: "m-lb-2", name: "lb-2" };
    const seen = allSeen();
    seen.agents.set(second.machine, agent(second.machine));
    seen.balancers.set(second.machine, answer(200, { "x-machine": second.machine }));
    assert.deepEqual(
      missing({ machines: [lb, second, web], release }, seen).map((one) => one.reason),
      ["not seen serving through lb-2"],
    );
  });

  it("says in one line what it waits for", () => {
    const missed = [1, 2, 3, 4].map((n) => ({ machine: { ...web, name: `web-${String(n)}` }, reason: "starting" }));
    assert.equal(statusLine(missed), "waiting for web-1: starting; web-2: starting; web-3: starting (and 1 more)");
  });

  it("reports each machine with its id, its last state and its logs", () => {
    const report = failureReport(
      "http://10.77.0.5",
      300,
      [{ machine: web, reason: "installing packages" }, { reason: "the site answers 503" }],
      new Map([[web.machine, "journal of webinfra-converge:\n  E: no mirror"]]),
    );
    assert.equal(
      report,
      [
        "the site http://10.77.0.5 is not ready after 300 s:",
        "  web-1 (machine m-web-1 at 127.0.0.2): installing packages",
        "    journal of webinfra-converge:",
        "      E: no mirror",
        "  the site answers 503",
        "Nothing was deleted: machines that served before still do. Look further with `webinfra logs HOST`, mend the " +
          "cause, and run the update again; `webinfra:readyTimeoutSeconds` is the time it waits.",
      ].join("\n"),
    );
  });
});

describe("provider: Ready against real servers", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const listen = async (address: string, port: number, listener: RequestListener): Promise<number> => {
    const server = createServer(listener).listen(port, address);
    servers.push(server);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const freePort = async (): Promise<number> => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    return port;
  };
  const statuses: string[] = [];
  const context = {
    signal: new AbortController().signal,
    status: (message: string) => void statuses.push(message),
    warn: () => undefined,
  };
  const noLogs = (): Promise<string> => Promise.resolve("no logs");

  it("waits until a machine that starts late serves, through answers of an old one", async () => {
    const started = Date.now();
    const late = (): boolean => Date.now() - started > 1_200;
    let turn = 0;
    const sitePort = await listen("127.0.0.1", 0, (request, response) => {
      if (request.url === "/-/balancer") {
        response.writeHead(200, { "X-Machine": lb.machine }).end();
      } else if (request.url === "/-/host") {
        const machine = turn++ % 2 === 0 || !late() ? "m-old-web-1" : web.machine;
        response.writeHead(200, { "X-Machine": machine, "X-Release": release }).end();
      } else {
        response.writeHead(late() ? 200 : 503).end("page");
      }
    });
    const agentPort = await listen("127.0.0.1", 0, (_request, response) => {
      response.end(JSON.stringify(hostState({ machine: lb.machine })));
    });
    await listen("127.0.0.2", agentPort, (_request, response) => {
      const converge = late() ? "done" : "running";
      response.end(
        JSON.stringify(hostState({ machine: web.machine, converge, step: "installing packages", healthy: late() })),
      );
    });
    statuses.length = 0;
    await waitUntilReady(
      { site: `http://127.0.0.1:${String(sitePort)}`, ...expectation, timeoutSeconds: 10 },
      context,
      noLogs,
      agentPort,
    );
    assert.ok(late());
    assert.deepEqual(statuses, ["waiting for web-1: installing packages"]);
  });

  it("fails within its deadline, with the logs of those that are missing", async () => {
    const port = await freePort();
    const asked: string[] = [];
    const started = Date.now();
    await assert.rejects(
      waitUntilReady(
        { site: `http://127.0.0.1:${String(port)}`, machines: [app], release: "", timeoutSeconds: 1 },
        context,
        (machine) => {
          asked.push(machine);
          return Promise.resolve("E: no mirror");
        },
        port,
      ),
      /is not ready after 1 s:\n {2}app-1 \(machine m-app-1 at 127\.0\.0\.3\): its agent does not answer \(connection refused\)\n {4}E: no mirror\n/,
    );
    assert.deepEqual(asked, ["m-app-1"]);
    assert.ok(Date.now() - started < 3_000);
  });

  it("stops at once when the update is cancelled", async () => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort(new Error("cancelled"));
    }, 100);
    const port = await freePort();
    const given = { site: `http://127.0.0.1:${String(port)}`, machines: [app], release: "", timeoutSeconds: 60 };
    await assert.rejects(waitUntilReady(given, { ...context, signal: controller.signal }, noLogs, port), {
      message: "cancelled",
    });
  });

  it("sees that a site is up", async () => {
    const port = await listen("127.0.0.1", 0, (request, response) => {
      response.writeHead(request.url === "/" ? 200 : 404).end();
    });
    assert.ok(await isUp({ site: `http://127.0.0.1:${String(port)}` }, context.signal));
  });

  it("asks a balancer by its address with the site's name", () => {
    assert.deepEqual(throughAddress("http://www.foobar.com:8080/shop", "10.77.0.5", "/-/host"), {
      url: "http://10.77.0.5:8080/-/host",
      host: "www.foobar.com:8080",
    });
  });

  it("reports a change for another machine or release, or for a dead site, and none for another order", async () => {
    const port = await listen("127.0.0.1", 0, (_request, response) => response.end());
    const inputs = { site: `http://127.0.0.1:${String(port)}`, machines: [lb, web], release };
    const olds = { ...inputs, checkedAt: "2026-01-01T00:00:00Z" };
    const changes = async (old: object, news: object): Promise<boolean> =>
      (await ready.diff({ ...olds, ...old }, { ...inputs, ...news }, context)).changes;
    assert.equal(await changes({}, {}), false);
    assert.equal(await changes({}, { machines: [web, lb], timeoutSeconds: 5 }), false);
    const keysTurned = Object.fromEntries(Object.entries(lb).reverse());
    assert.equal(await changes({}, { machines: [keysTurned, web] }), false);
    assert.equal(await changes({}, { machines: [lb, { ...web, machine: "m-new" }] }), true);
    assert.equal(await changes({}, { release: "b".repeat(64) }), true);
    const dead = `http://127.0.0.1:${String(await freePort())}`;
    assert.equal(await changes({ site: dead }, { site: dead }), true);
  });
});

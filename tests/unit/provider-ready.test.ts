import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo } from "node:net";
import { hostState } from "../support/state";
import type { ExpectedMachine } from "../../provider/ready/checks/check";
import { isUp, readyResource, waitUntilReady } from "../../provider/ready/resource";
import { makeAuthority, makeCertificate } from "../../provider/secrets/certificates";

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

describe("provider: Ready against real servers", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const bind = async (server: Server, address: string, port: number): Promise<number> => {
    servers.push(server);
    await once(server.listen(port, address), "listening");
    return (server.address() as AddressInfo).port;
  };
  const listen = (address: string, port: number, listener: RequestListener): Promise<number> =>
    bind(createServer(listener), address, port);
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

  const ready = readyResource({ readLogs: noLogs });

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
      { readLogs: noLogs, agentPort },
    );
    assert.ok(late());
    assert.deepEqual(statuses, ["waiting for web-1: still being set up: installing packages"]);
  });

  it("waits for a site with https, whose certificate is for its name and not for its balancers' addresses", async () => {
    const authority = await makeAuthority({ commonName: "test" });
    const { certificate: cert, key } = await makeCertificate({
      caCertificate: authority.certificate,
      caKey: authority.key,
      commonName: "site",
      dnsNames: ["localhost"],
    });
    const server = createTlsServer({ cert, key }, (request, response) => {
      response.writeHead(200, { "X-Machine": request.url === "/-/host" ? web.machine : lb.machine }).end();
    });
    const port = await bind(server, "127.0.0.1", 0);
    const agentPort = await listen("127.0.0.1", 0, (_request, response) => {
      response.end(JSON.stringify(hostState({ machine: lb.machine })));
    });
    await listen("127.0.0.2", agentPort, (_request, response) => {
      response.end(JSON.stringify(hostState({ machine: web.machine })));
    });
    const given = { site: `https://localhost:${String(port)}`, machines: [lb, web], release: "", timeoutSeconds: 1 };
    const access = { readLogs: noLogs, agentPort };
    await waitUntilReady(given, context, { ...access, ca: authority.certificate });
    await assert.rejects(
      waitUntilReady(given, context, access),
      /: its balancer does not answer \(its certificate is from no authority that this computer trusts\)\n/,
    );
    assert.equal(await isUp(given, context.signal), false);
  });

  it("wants a URL that it can ask", () => {
    const inputs = { machines: [lb, web], release };
    for (const site of ["http://10.77.0.5", "https://www.foobar.com"]) {
      assert.deepEqual(ready.check({}, { ...inputs, site }).failures, []);
    }
    assert.deepEqual(ready.check({}, { ...inputs, site: "ftp://10.77.0.5" }).failures, [
      {
        property: "site",
        reason: 'must be an http or https URL, such as http://10.77.0.5 (it is "ftp://10.77.0.5")',
      },
    ]);
  });

  it("fails within its deadline, with the logs of those that are missing", async () => {
    const port = await freePort();
    const asked: string[] = [];
    const started = Date.now();
    await assert.rejects(
      waitUntilReady(
        { site: `http://127.0.0.1:${String(port)}`, machines: [app], release: "", timeoutSeconds: 1 },
        context,
        {
          readLogs(machine, logs) {
            asked.push(`${machine}: ${logs.join(", ")}`);
            return Promise.resolve("E: no mirror");
          },
          agentPort: port,
        },
      ),
      /is not ready after 1 s:\n {2}app-1 \(machine m-app-1 at 127\.0\.0\.3\): its agent does not answer \(connection refused\)\n {4}E: no mirror\n/,
    );
    assert.deepEqual(asked, ["m-app-1: converge, cloud-init"]);
    assert.ok(Date.now() - started < 3_000);
  });

  it("fails at once when a machine refused the wanted host package", async () => {
    const [wanted, old] = ["1".repeat(64), "2".repeat(64)];
    const refused = { package: wanted, reason: "webinfra-agent.service stopped 3 times" };
    const agentPort = await listen("127.0.0.3", 0, (_request, response) => {
      response.end(
        JSON.stringify(
          hostState({ machine: app.machine, package: { running: old, good: old, refused, waiting: null } }),
        ),
      );
    });
    const started = Date.now();
    await assert.rejects(
      waitUntilReady(
        { site: "http://127.0.0.3", machines: [app], release: "", hostPackage: wanted, timeoutSeconds: 60 },
        context,
        { readLogs: () => Promise.resolve("its journal"), agentPort },
      ),
      /^Error: the site http:\/\/127\.0\.0\.3 is not ready after \d s:\n {2}app-1 \(machine m-app-1 at 127\.0\.0\.3\): refused the host package 111111111111: webinfra-agent\.service stopped 3 times; it went back to 222222222222\n {4}its journal\n/,
    );
    assert.ok(Date.now() - started < 10_000);
  });

  it("fails at once when the application of a machine is hopeless, with that one's log", async () => {
    const reason = "the application ended after 0 s with exit code 1, 6 times in a row";
    const agentPort = await listen("127.0.0.3", 0, (_request, response) => {
      const application = { release, reason, final: true };
      response.end(JSON.stringify(hostState({ machine: app.machine, healthy: false, release: "", application })));
    });
    const started = Date.now();
    await assert.rejects(
      waitUntilReady({ site: "http://127.0.0.3", machines: [app], release, timeoutSeconds: 60 }, context, {
        readLogs: (_machine, logs) => Promise.resolve(`the log of ${logs.join(", ")}`),
        agentPort,
      }),
      /^Error: the site http:\/\/127\.0\.0\.3 is not ready after \d s:\n {2}app-1 \(machine m-app-1 at 127\.0\.0\.3\): release aaaaaaaaaaaa: the application ended after 0 s with exit code 1, 6 times in a row\n {4}the log of application\n/,
    );
    assert.ok(Date.now() - started < 10_000);
  });

  it("names the hosts whose machine was made from an older definition than the wanted one", async () => {
    const wanted = "b".repeat(64);
    const agentPort = await freePort();
    const asked = async (address: string, machine: string, definition: string | null): Promise<ExpectedMachine> => {
      await listen(address, agentPort, (_request, response) => {
        response.end(JSON.stringify(hostState({ machine, definition })));
      });
      return { machine, name: machine, roles: ["appServer"], address, definition: wanted };
    };
    const sitePort = await listen("127.0.0.1", 0, (_request, response) => response.end("page"));
    const machines = [
      await asked("127.0.0.1", "older", "a".repeat(64)),
      await asked("127.0.0.2", "current", wanted),
      await asked("127.0.0.3", "says-nothing", null),
    ];
    const given = { site: `http://127.0.0.1:${String(sitePort)}`, machines, release: "", timeoutSeconds: 10 };
    const { outs } = await readyResource({ readLogs: noLogs, agentPort }).create(given, context);
    // The third was made before hosts had any.
    assert.deepEqual(outs["outdated"], ["older", "says-nothing"]);
  });

  it("warns of settings that take effect later", async () => {
    const agentPort = await freePort();
    const settings = { applied: "a", refused: null, waiting: null, pending: ["x takes effect when MySQL starts next"] };
    await listen("127.0.0.1", agentPort, (_request, response) => {
      response.end(JSON.stringify(hostState({ machine: "m", settings })));
    });
    const sitePort = await listen("127.0.0.1", 0, (_request, response) => response.end("page"));
    const machines = [{ machine: "m", name: "db-1", roles: ["appServer"], address: "127.0.0.1" }];
    const given = { site: `http://127.0.0.1:${String(sitePort)}`, machines, release: "", timeoutSeconds: 10 };
    const warned: string[] = [];
    await readyResource({ readLogs: noLogs, agentPort }).create(given, {
      ...context,
      warn: (line) => warned.push(line),
    });
    assert.deepEqual(warned, ["db-1: x takes effect when MySQL starts next"]);
  });

  it("stops at once when the update is cancelled", async () => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort(new Error("cancelled"));
    }, 100);
    const port = await freePort();
    const given = { site: `http://127.0.0.1:${String(port)}`, machines: [app], release: "", timeoutSeconds: 60 };
    await assert.rejects(
      waitUntilReady(given, { ...context, signal: controller.signal }, { readLogs: noLogs, agentPort: port }),
      {
        message: "cancelled",
      },
    );
  });

  it("sees that a site is up", async () => {
    const port = await listen("127.0.0.1", 0, (request, response) => {
      response.writeHead(request.url === "/" ? 200 : 404).end();
    });
    assert.ok(await isUp({ site: `http://127.0.0.1:${String(port)}` }, context.signal));
  });

  it("reports a change for a site whose hosts run another release than the wanted one", async () => {
    const site = `http://127.0.0.1:${String(await listen("127.0.0.1", 0, (_request, response) => response.end()))}`;
    let runs: string | null = release;
    const port = await listen("127.0.0.3", 0, (_request, response) => {
      response.end(JSON.stringify(hostState({ release: runs })));
    });
    const asking = readyResource({ readLogs: noLogs, agentPort: port });
    const changes = async (more: object = {}): Promise<boolean> => {
      const inputs = { site, machines: [lb, app], release, ...more };
      return (await asking.diff({ ...inputs, checkedAt: "2026-01-01T00:00:00Z" }, inputs, context)).changes;
    };
    assert.equal(await changes(), false);
    runs = "b".repeat(64);
    assert.equal(await changes(), true);
    assert.equal(await changes({ release: "" }), false);
    assert.equal(await changes({ reach: "public" }), false);
    for (const none of [null, ""]) {
      runs = none;
      assert.equal(await changes(), false);
    }
    // One that is silent is another matter: the site is up.
    assert.equal(await changes({ machines: [lb, web] }), false);
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
    assert.equal(await changes({}, { machines: [lb, { ...web, definition: "b".repeat(64) }] }), true);
    const dead = `http://127.0.0.1:${String(await freePort())}`;
    assert.equal(await changes({ site: dead }, { site: dead }), true);
  });
});

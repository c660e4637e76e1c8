/** What the tests of topologies share: each topology is a site of its own, brought up once, and each test leaves it as it was. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { eventually } from "./eventually";
import { type Answer, figure, incus, Site } from "./site";

export const header = (answers: readonly Answer[], name: string): string[] =>
  [...new Set(answers.map(({ headers }) => headers[name] ?? "none"))].sort();

/** Requests that are under way at the same time, so that connections to several databases are in use. */
export const together = (site: Site, path: string, times = 16): Promise<Answer[]> =>
  Promise.all(Array.from({ length: times }, () => site.fetch(path)));

/** How many servers of the page the balancer knows to be well. */
export const pageServers = async (site: Site): Promise<string> =>
  (await site.fetch("/-/balancer")).headers["x-page-servers"] ?? "none";

export async function kill(site: Site, ...hosts: string[]): Promise<void> {
  await Promise.all(hosts.map(async (host) => incus("stop", "--force", (await site.machine(host)).machine)));
}

export async function start(site: Site, ...hosts: string[]): Promise<void> {
  await Promise.all(hosts.map(async (host) => incus("start", (await site.machine(host)).machine)));
}

/** The hosts whose applications answer when one web server is asked directly. */
export async function applicationsBehind(site: Site, web: string): Promise<string[]> {
  const seen = await site.shell(
    "lb-1",
    `for i in $(seq 8); do curl -sS -H 'Host: www.foobar.com' http://${web}.webinfra.internal:8080/api/entries; echo; done`,
  );
  const servers = seen
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => /"servedBy":"([^"]+)"/.exec(line)?.[1] ?? line);
  return [...new Set(servers)].sort();
}

export interface Standing {
  /** Hosts with Nginx. */
  readonly webs: readonly string[];
  readonly primary: string;
  readonly replicas: readonly string[];
}

export function bringUp(site: Site, name: string): void {
  before("up", async () => {
    const { seconds } = await site.up();
    figure(`up of ${name}`, seconds, "s");
  });
}

/** What holds in every topology. */
export function serves(site: Site, { webs, primary, replicas }: Standing): void {
  it("sends requests to each web server in turn", async () => {
    // A server that has just come gets fewer requests for two seconds.
    await eventually("turns", async () => {
      assert.equal(await pageServers(site), String(webs.length));
      const seen = (await site.sightings(3 * webs.length)).map(({ headers }) => headers["x-served-by"]);
      assert.deepEqual([...new Set(seen)].sort(), [...webs].sort());
      seen.forEach((one, index) => assert.equal(one, seen[index % webs.length], seen.join(" ")));
    });
  });

  it("serves static files from Nginx and the page from the application", async () => {
    const style = await site.fetch("/static/style.css");
    assert.deepEqual([style.status, style.headers["content-type"]], [200, "text/css"]);
    assert.equal(style.headers["x-database"], undefined);
    const page = await site.fetch("/");
    assert.equal(page.status, 200);
    assert.match(page.headers["x-release"] ?? "", /^[0-9a-f]{64}$/);
    assert.ok([primary, ...replicas].includes(page.headers["x-database"] ?? "none"), page.headers["x-database"]);
  });

  it("stores what a visitor writes on the primary and shows it from a replica", async () => {
    const id = await site.write("for all");
    assert.deepEqual(await site.missing(primary, [id]), []);
    await eventually("the entry from a replica", async () => {
      const { headers, body } = await site.fetch("/api/entries");
      assert.ok(replicas.includes(headers["x-database"] ?? "none"), `answered by ${String(headers["x-database"])}`);
      assert.ok(body.includes(id));
    });
  });

  it("has replicas that follow the primary and refuse writes", async () => {
    await site.settled();
    assert.equal((await site.database(primary)).writable, true);
    for (const replica of replicas) {
      const { role, writable, lagSeconds } = await site.database(replica);
      assert.deepEqual([role, writable, typeof lagSeconds], ["replica", false, "number"]);
      const source = "select host from performance_schema.replication_connection_configuration where channel_name = ''";
      assert.equal(await site.sql(replica, source), `${primary}.webinfra.internal`);
      await assert.rejects(site.sql(replica, "delete from site.entries"), /ERROR 1290 /);
    }
  });
}

/** Kills a web server under requests. Every answer that comes is a good one once the health check has seen it. */
export function survivesWebServer(site: Site, { webs }: Standing, victim: string): void {
  it("goes on when a web server is killed and takes it back", async () => {
    const rest = webs.filter((web) => web !== victim).sort();
    const killed = Date.now();
    await kill(site, victim);
    await eventually(`${victim} to leave the rotation`, async () => {
      assert.deepEqual(header(await site.sightings(2 * webs.length), "x-served-by"), rest);
      assert.equal(await pageServers(site), String(rest.length));
    });
    figure("a killed web server out of the rotation", (Date.now() - killed) / 1000, "s");
    await site.write("without a web server");
    await start(site, victim);
    await eventually(`${victim} to come back`, async () => {
      assert.deepEqual(header(await site.sightings(2 * webs.length), "x-served-by"), [...webs].sort());
    });
    figure("a killed web server back in the rotation", (Date.now() - killed) / 1000, "s");
    await site.settled();
  });
}

/** Kills the primary's machine, and asks for each of the four things that may stop what the review says of it. */
export function losesAsReviewed(site: Site, { primary, replicas }: Standing): void {
  it("loses what the review says when the primary is lost, and no more", async () => {
    const { stdout } = await site.succeed("review", site.stack, "--config-file", site.configFile, "--json");
    const { losses } = JSON.parse(stdout) as {
      losses: { host: string; role: string | null; stops: string[] }[];
    };
    const loss = losses.find(({ host, role }) => host === primary && role === null);
    assert.deepEqual(loss?.stops, ["writes"]);
    await kill(site, primary);
    await eventually("reads from the replicas alone", async () => {
      const pages = await site.sightings(6);
      assert.ok(header(pages, "x-database").every((one) => replicas.includes(one)));
    });
    for (let i = 0; i < 4; i++) {
      assert.equal((await site.fetch("/static/style.css")).status, 200);
    }
    const written = await site.post("nobody takes it");
    assert.equal(written.status, 503, written.body);
    await start(site, primary);
    await eventually("writes to come back", () => site.write("it is back"));
    await site.settled();
  });
}

/** Kills a host that serves pages and has a database: the other one answers all, with what was written before. */
export async function goesOnReading(
  site: Site,
  { lost, left }: { readonly lost: string; readonly left: string },
): Promise<void> {
  const id = await site.write("both have this");
  await eventually(`the entry on ${left}`, async () => assert.deepEqual(await site.missing(left, [id]), []));
  await kill(site, lost);
  await eventually(`${left} to answer all`, async () => {
    const seen = await site.sightings(4, "/api/entries");
    assert.deepEqual([header(seen, "x-served-by"), header(seen, "x-database")], [[left], [left]]);
    assert.ok(seen.every(({ body }) => body.includes(id)));
  });
  await start(site, lost);
  await site.settled();
}

/** Looks at every database host all the while; two must never take writes at one time. */
export async function neverTwoPrimaries(addresses: readonly string[], work: () => Promise<void>): Promise<void> {
  let going = true;
  let [most, looks] = [0, 0];
  const writable = async (address: string): Promise<boolean> => {
    try {
      const { statusCode, body } = await request(`http://${address}:9000/primary`, {
        signal: AbortSignal.timeout(1000),
      });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  };
  const watching = (async () => {
    while (going) {
      const answers = await Promise.all(addresses.map(writable));
      most = Math.max(most, answers.filter(Boolean).length);
      looks += 1;
      await sleep(50);
    }
  })();
  try {
    await work();
  } finally {
    going = false;
    await watching;
  }
  assert.ok(looks > 10, String(looks));
  assert.equal(most, 1, "two databases took writes at one time");
}

/** Workers that write, most of them on connections that they keep. */
export const writers = {
  keep: 4,
  new: 1,
  rate: 6,
  requests: [
    ["POST", "/api/entries"],
    ["POST", "/"],
  ],
} as const;

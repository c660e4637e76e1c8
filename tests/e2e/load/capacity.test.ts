/**
 * A site whose application is offered more than it can do. It goes on doing what it can, answers that in bounded time, and refuses the rest.
 * All figures are shares of the capacity that is measured first, so that they hold on any machine.
 */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../support/eventually";
import { figure, incus, manage, mysql, type Offered, repository, Site } from "../../support/site";

const webs = ["web-1", "web-2"];
const workers = 8;

/** What of the capacity is to be left when more is offered. */
const SHARE = 0.8;
/** Seconds in which queues fill before anything is counted. */
const WARM_UP = 4;
/** What an answer may take: two seconds in the queue, what eight requests at once take here, and as much again for a busy machine. */
const DEADLINE_SECONDS = 12;

/** Successful answers a second that came between two times of a load, in seconds from its start. */
function goodput(offered: readonly Offered[], from: number, until: number): number {
  const good = offered.filter(({ status, began, seconds }) => {
    const ended = began + seconds;
    return status === 200 && ended >= from && ended < until;
  });
  return good.length / (until - from);
}

/** How many requests had each status. */
function statuses(offered: readonly Offered[]): string {
  const all = offered.map(({ status }) => status);
  return [...new Set(all)]
    .map((status) => `${String(status)}: ${String(all.filter((one) => one === status).length)}`)
    .join(", ");
}

describe("at capacity", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site();
  manage(site);
  const application = join(site.directory, "application");
  let capacity = 0;

  before("up", async () => {
    mkdirSync(join(application, "static"), { recursive: true });
    cpSync(join(repository, "tests/support/busy/server.py"), join(application, "server.py"));
    writeFileSync(join(application, "static/style.css"), "body { color: black }\n");
    site.configure({
      topology: "custom",
      hosts: [
        { name: "lb-1", roles: ["loadBalancer"] },
        ...webs.map((name) => ({ name, roles: ["webServer", "appServer"] })),
        { name: "db-1", roles: ["database"] },
      ],
      mysql: mysql(),
      app: {
        directory: application,
        packages: ["python3"],
        start: "/usr/bin/python3 server.py",
        // As costly as a page: checks that stood behind visitors would time out.
        healthPath: "/",
        concurrency: workers,
        environment: { WORKERS: workers, COST_MS: 100 },
      },
    });
    await site.up();
    const seconds = 16;
    const closed = await (await site.offer({ path: "/", seconds, workers: workers * webs.length })).end();
    capacity = goodput(closed, WARM_UP, seconds);
    figure("capacity of two web servers", capacity, "pages/s");
    assert.deepEqual([...new Set(closed.map(({ status }) => status))], [200], statuses(closed));
  });

  function answeredOrRefused(offered: readonly Offered[]): void {
    assert.match([...new Set(offered.map(({ status }) => status))].sort().join(" "), /^200( 503)?$/, statuses(offered));
  }

  /** Good answers and refusals, and none that takes long. */
  function assess(offered: readonly Offered[]): void {
    answeredOrRefused(offered);
    const slowest = Math.max(...offered.map(({ seconds }) => seconds));
    assert.ok(slowest < DEADLINE_SECONDS, `the slowest answer took ${String(slowest)} s`);
  }

  /** The site did what it could from a time of the load on. `available`: pages a second that it can do. */
  function keptUp(
    name: string,
    offered: readonly Offered[],
    { from = WARM_UP, until, available = capacity }: { from?: number; until: number; available?: number },
  ): void {
    const share = goodput(offered, from, until) / available;
    const took = offered.filter(({ status }) => status === 200).map(({ seconds }) => seconds);
    figure(`${name}: goodput`, share, "of the capacity");
    figure(`${name}: refused`, 1 - took.length / offered.length, "of the requests");
    figure(`${name}: slowest good answer`, Math.max(...took), "s");
    assert.ok(share >= SHARE, `${String(share)} of the capacity: ${statuses(offered)}`);
  }

  /** Waits until the queues are full. */
  const refused = (): Promise<void> =>
    eventually("a refusal", async () => {
      // At twice the capacity one in two is refused: of one alone it is luck.
      const answers = await Promise.all(Array.from({ length: workers }, () => site.fetch("/")));
      const { status, headers, body } = answers.find((answer) => answer.status !== 200) ?? answers[0]!;
      assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
      assert.match(body, /<h1>Back soon<\/h1>/);
    });

  for (const times of [1, 2, 4]) {
    it(`does what it can at ${String(times)}× capacity, and serves static files`, async () => {
      const seconds = 20;
      const pages = await site.offer({ path: "/", seconds, rate: times * capacity });
      const styles = await site.offer({ path: "/static/style.css", seconds, rate: 4 });
      const [offered, files] = await Promise.all([pages.end(), styles.end()]);
      assess(offered);
      keptUp(`${String(times)}× capacity`, offered, { until: seconds });
      assert.deepEqual([...new Set(files.map(({ status }) => status))], [200], statuses(files));
      assert.ok(Math.max(...files.map(({ seconds: took }) => took)) < DEADLINE_SECONDS);
    });
  }

  it("keeps every web server, and tells those that it refuses when to come again", async () => {
    const offering = await site.offer({ path: "/", seconds: 12, rate: 4 * capacity });
    await refused();
    assert.equal((await site.fetch("/-/balancer")).headers["x-page-servers"], String(webs.length));
    for (const web of webs) {
      assert.equal((await site.state(web)).healthy, true);
    }
    assess(await offering.end());
  });

  it("does what it can though it was told to work on too much at once", async () => {
    // Checks then wait behind more visitors than are patient.
    const limit = (requests: number): Promise<string[]> =>
      Promise.all(
        webs.map((web) =>
          site.shell(
            web,
            `for colour in blue green; do echo "set maxconn server app/$colour ${String(requests)}"; done | socat - /run/webinfra-proxy/admin.sock`,
          ),
        ),
      );
    const seconds = 30;
    await limit(8 * workers);
    const offered = await (await site.offer({ path: "/", seconds, rate: 4 * capacity })).end();
    await limit(workers);
    answeredOrRefused(offered);
    keptUp("4× capacity, eight times too many at once", offered, { until: seconds });
    await site.settled();
  });

  it("goes round an application that hangs, and comes back to it", async () => {
    const servers = (count: number) => async () => {
      assert.equal((await site.fetch("/-/balancer")).headers["x-page-servers"], String(count));
    };
    // Whoever has the lock keeps all of its processes waiting.
    await site.shell("web-1", "systemd-run --unit=e2e-hang sh -c 'exec 9</dev/shm/processor; flock 9; exec sleep 300'");
    await eventually("one web server less", servers(webs.length - 1));
    const seen = await site.sightings(6);
    assert.deepEqual([...new Set(seen.map(({ headers }) => headers["x-served-by"]))], ["web-2"]);
    await site.shell("web-1", "systemctl stop e2e-hang");
    await eventually("all web servers", servers(webs.length));
    await site.settled();
  });

  it("takes another release at 2× capacity", async () => {
    appendFileSync(join(application, "server.py"), "# another release\n");
    const seconds = 60;
    const offering = await site.offer({ path: "/", seconds, rate: 2 * capacity });
    const { seconds: took } = await site.up();
    figure("2× capacity: up with another release", took, "s");
    assert.ok(offering.elapsed() < seconds, "up waited until the load was over");
    const offered = await offering.end();
    assess(offered);
    keptUp("2× capacity, another release", offered, { until: seconds });
  });

  it("does what is left at 2× capacity when one of two web servers is killed", async () => {
    const seconds = 30;
    const { machine } = await site.machine("web-2");
    const offering = await site.offer({ path: "/", seconds, rate: 2 * capacity });
    await refused();
    const killed = offering.elapsed();
    assert.ok(killed < seconds / 2, `refused after ${String(killed)} s`);
    await incus("stop", "--force", machine);
    const offered = await offering.end();
    await incus("start", machine);
    assess(offered);
    keptUp("2× capacity, one of two web servers killed", offered, {
      from: killed + WARM_UP,
      until: seconds,
      available: capacity / webs.length,
    });
    await site.settled();
  });
});

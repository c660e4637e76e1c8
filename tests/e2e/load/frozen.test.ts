/**
 * A server that is frozen: its connections stay open, and nothing comes through them. Every hop of split-tiers has to notice and go on without it: the
 * balancer without a web server, Nginx without an application server, the application without a database.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { eventually } from "../../support/eventually";
import { type Answer, figure, incus, type LoadReport, manage, Site, summaryOf } from "../../support/site";

/** What a request may take while a server is frozen: three seconds when all is well, and this machine may be busy. */
const DEADLINE_SECONDS = 10;

/** Freezes something while `work` goes on. */
interface Freezer {
  readonly freeze: () => Promise<unknown>;
  readonly thaw: () => Promise<unknown>;
}

async function frozen<T>({ freeze, thaw }: Freezer, work: () => Promise<T>): Promise<T> {
  await freeze();
  try {
    return await work();
  } finally {
    await thaw();
  }
}

/** No GET or HEAD failed, a POST that failed was told so, and nobody waited for long. */
function assess(report: LoadReport): void {
  const failed = summaryOf(report);
  for (const request of Object.keys(report.counts)) {
    assert.match(request, /^(GET|HEAD) \S+ 200$|^POST \/api\/entries (201|502|503)$|^POST \/ (303|502|503)$/, failed);
  }
  assert.ok(report.slowest < DEADLINE_SECONDS, `${String(report.slowest)} s: ${failed}`);
}

describe("a frozen server", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site({ topology: "split-tiers" });
  manage(site);
  before("up", () => site.up());

  const host = (name: string): Freezer => {
    const change = async (action: string) => incus(action, (await site.machine(name)).machine);
    return { freeze: () => change("pause"), thaw: () => change("start") };
  };
  const application = (name: string): Freezer => {
    const signal = (which: string) => site.shell(name, `systemctl kill --signal ${which} 'webinfra-app@*.service'`);
    return { freeze: () => signal("STOP"), thaw: () => signal("CONT") };
  };

  const seen = (answers: readonly Answer[], what: (answer: Answer) => string | undefined): string[] =>
    [...new Set(answers.map((answer) => what(answer) ?? "none"))].sort();

  /** Sends a load all the while: before, until requests go round what is frozen, and after. */
  async function underLoad(what: string, freezer: Freezer, goneRound: () => Promise<void>): Promise<LoadReport> {
    const load = await site.load({
      keep: 5,
      new: 3,
      requests: [
        ["GET", "/"],
        ["POST", "/api/entries"],
        ["HEAD", "/"],
        ["POST", "/"],
        ["GET", "/static/style.css"],
        ["GET", "/api/entries"],
      ],
    });
    await frozen(freezer, () => eventually(`requests to go round the frozen ${what}`, goneRound));
    await site.settled();
    const report = await load.stop(21);
    const bad = Object.entries(report.counts).filter(([request]) => !/ (200|201|303)$/.test(request));
    const failures = bad.reduce((sum, [, count]) => sum + count, 0);
    figure(`a frozen ${what}: failed requests (no GET or HEAD)`, failures, "requests");
    figure(`a frozen ${what}: slowest request`, report.slowest, "s");
    assess(report);
    return report;
  }

  it("web server: GET and HEAD go to another one, and no POST is sent twice", async () => {
    const { acknowledged } = await underLoad("web server", host("web-1"), async () => {
      assert.deepEqual(
        seen(await site.sightings(8), ({ headers }) => headers["x-served-by"]),
        ["web-2"],
      );
    });
    // The balancer gives each request an id. What the frozen one got, it logs when it goes on.
    const script = `cat /var/log/nginx/access.log* | grep -F '"POST ' | cut -d ' ' -f 3`;
    await eventually("every acknowledged write in a log", async () => {
      const logs = await Promise.all(["web-1", "web-2"].map((web) => site.shell(web, script)));
      const ids = logs.flatMap((log) => log.split("\n").filter(Boolean));
      assert.equal(new Set(ids).size, ids.length, "a POST came to two web servers");
      assert.ok(ids.length >= acknowledged.length, `${String(ids.length)} of ${String(acknowledged.length)}`);
    });
  });

  const servedBy = ({ body }: Answer): string | undefined => /"servedBy":"([^"]+)"/.exec(body)?.[1];

  it("application server: Nginx goes on with another one", async () => {
    await underLoad("application server", host("app-1"), async () => {
      assert.deepEqual(seen(await site.sightings(8, "/api/entries"), servedBy), ["app-2"]);
    });
  });

  it("application on a server that is well: Nginx goes on with another one", async () => {
    await underLoad("application", application("app-1"), async () => {
      assert.deepEqual(seen(await site.sightings(8, "/api/entries"), servedBy), ["app-2"]);
    });
  });

  it("replica: the application reads from the primary", async () => {
    await underLoad("replica", host("db-2"), async () => {
      assert.deepEqual(
        seen(await site.sightings(8), ({ headers }) => headers["x-database"]),
        ["db-1"],
      );
    });
  });

  it("web server in the middle of a download: the download is cut", async () => {
    const size = 2 ** 32;
    await site.shell("web-1", `truncate -s ${String(size)} /srv/app/current/static/e2e-download`);
    const address = await site.address("lb-1");
    // Only web-1 has it.
    const download = await eventually("the download to begin", async () => {
      const [answer] = (await once(get(`http://${address}/static/e2e-download`, { agent: false }), "response")) as [
        IncomingMessage,
      ];
      if (answer.statusCode !== 200) {
        answer.destroy();
      }
      assert.equal(answer.statusCode, 200);
      return answer;
    });
    const seconds = await frozen(host("web-1"), async () => {
      const begun = Date.now();
      download.resume();
      // It would go on for as long as the time-outs of a healthy server allow, which is above this.
      const signal = AbortSignal.timeout(DEADLINE_SECONDS * 1000);
      await assert.rejects(once(download, "end", { signal }), { code: "ECONNRESET" });
      return (Date.now() - begun) / 1000;
    });
    figure("a frozen web server: a download is cut after", seconds, "s");
    await site.shell("web-1", "rm /srv/app/current/static/e2e-download");
    await site.settled();
  });
});

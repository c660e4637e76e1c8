/** The host package of a site that serves: a good one reaches every host, one after the other; one that is no good stops at the first. */
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { packPrograms } from "../../../components/archive";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, repository, Site } from "../../support/site";

/** In the order in which they take a package: databases last, balancers before them. */
const hosts = ["web-1", "web-2", "lb-1", "db-1", "db-2"] as const;

describe("the host package", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site();
  manage(site);
  /** The package that all hosts have. */
  let good = "";
  before("up", async () => {
    await site.up();
    good = (await site.state("web-1")).package.good ?? "";
  });

  const point = (sha256: string): void => {
    site.publish("pointers/host.json", JSON.stringify({ version: 1, package: sha256 }));
  };

  /** Puts a package into the channel whose agent ends with these lines, and points hosts at it. */
  function publish(name: string, ...lines: readonly string[]): string {
    const folder = join(site.directory, name);
    for (const part of ["webinfra", "webinfra-host", "bootstrap/drain"]) {
      cpSync(join(repository, "host", part), join(folder, "host", part), { recursive: true });
    }
    appendFileSync(
      join(folder, "host/webinfra/agent.py"),
      `\n\n# ${name}\n${lines.map((line) => `${line}\n`).join("")}`,
    );
    const { sha256, path } = packPrograms(folder, join(site.directory, "packed"));
    const archive = site.document(`packages/${sha256}.tar.gz`);
    copyFileSync(path, archive);
    chmodSync(archive, 0o644);
    point(sha256);
    return sha256;
  }

  const packages = async () =>
    Object.fromEntries(await Promise.all(hosts.map(async (host) => [host, (await site.state(host)).package] as const)));

  /** Waits until all hosts have found it good; their names in the order in which they did. */
  async function reaches(sha256: string): Promise<string[]> {
    const order: string[] = [];
    await eventually("the package to reach every host", async () => {
      for (const host of hosts) {
        if (order.includes(host)) {
          continue;
        }
        const said = (await site.state(host)).package;
        if (said.good === sha256) {
          order.push(host);
        }
      }
      assert.equal(order.length, hosts.length, JSON.stringify(order));
    });
    const all = { running: sha256, good: sha256, refused: null, waiting: null };
    await eventually("hosts to say no more than that", async () => {
      assert.deepEqual(await packages(), Object.fromEntries(hosts.map((host) => [host, all])));
    });
    return order;
  }

  it("that is good reaches every host, one after the other, and no request fails", async () => {
    const load = await site.load();
    const began = Date.now();
    const sha256 = publish("good");
    assert.deepEqual(await reaches(sha256), [...hosts]);
    figure("a new host package on all of five hosts", (Date.now() - began) / 1000, "s");
    assertNothingFailed(await load.stop());
    good = sha256;
  });

  it("that is good reaches every host, though a launcher is killed while it switches", async () => {
    const load = await site.load();
    const sha256 = publish("killed");
    const switching = "until grep -q trying....[0-9a-f] /var/lib/webinfra/package.json; do sleep 0.05; done";
    const kill = "systemctl kill --signal KILL webinfra-launcher.service";
    await site.shell("web-1", `timeout 60 bash -c '${switching}'; ${kill}`);
    assert.deepEqual(await reaches(sha256), [...hosts]);
    assertNothingFailed(await load.stop());
    good = sha256;
  });

  const answers = 'AnswerServer(listening, BootClock(), lambda path: (200, "nonsense")).forever()';
  for (const { what, lines, reason } of [
    {
      what: "whose agent ends as soon as it starts",
      lines: ["def main() -> None:", "    raise SystemExit(1)"],
      reason: "webinfra-agent.service stopped 3 times",
    },
    {
      what: "whose agent hangs",
      lines: ["def main() -> None:", "    import time", "    time.sleep(1e6)"],
      reason: "its agent did not answer for 60 s",
    },
    {
      what: "whose agent answers nonsense",
      lines: ["def main() -> None:", "    listening = inherited(os.environ, os.getpid())", `    ${answers}`],
      reason: 'its agent answered with something else than its state: "nonsense"',
    },
  ]) {
    it(`${what} is refused by the first host, tried by no other, and no request fails`, async () => {
      const load = await site.load();
      const bad = publish(what, ...lines);
      const refused = { package: bad, reason };
      const stays = { running: good, good, refused: null, waiting: `web-1 refused it: ${reason}` };
      await eventually("the first host to refuse it, and the others to say so", async () => {
        assert.deepEqual(await packages(), {
          ...Object.fromEntries(hosts.map((host) => [host, stays])),
          "web-1": { ...stays, refused, waiting: null },
        });
      });
      const unpacked = `[ ! -e /usr/local/lib/webinfra/packages/${bad} ]`;
      await Promise.all(hosts.slice(1).map((host) => site.shell(host, unpacked)));
      await site.settled();
      assertNothingFailed(await load.stop());

      point(good);
      await reaches(good);
    });
  }

  it("is left to operations by an update that changes nothing", async () => {
    const before = publish("moved by operations");
    await reaches(before);
    await site.up();
    assert.equal((await site.state("web-1")).package.good, before);
  });
});

/** What can go wrong while a site is first brought up: an interrupted `up`, a killed one, a package mirror that is away, a host that dies. */
import assert from "node:assert/strict";
import { listInstances } from "../../../provider/incus";
import { eventually } from "../../support/eventually";
import { Mirror } from "../../support/mirror";
import { type Going, incus, manage, Site } from "../../support/site";

describe("site that is brought up against odds", function () {
  this.timeout(600_000);

  // As few hosts as there can be, and each installs its own packages.
  const site = new Site({ web: 1, replicas: 0, image: { bake: false } });
  const mirror = new Mirror(site);
  manage(site);

  before("take the mirror away", () => mirror.takeAway());
  after(() => mirror.bringBack());

  /** Starts `up` and waits until it has begun to make machines. */
  async function upInTheMiddle(): Promise<Going> {
    const going = site.start(site.upArguments());
    const before = new Set((await listInstances(site.stack)).map(({ name }) => name));
    await eventually("a new machine to be in the making", async () => {
      assert.equal(going.child.exitCode, null, going.output());
      const names = (await listInstances(site.stack)).map(({ name }) => name);
      assert.ok(names.some((name) => !before.has(name)));
    });
    return going;
  }

  it("ends in order at Ctrl-C, and says how to go on", async () => {
    const going = await upInTheMiddle();
    going.child.kill("SIGINT");
    const { code, stderr } = await going.ended;
    assert.match(stderr, /^stopping: finishing what is in flight; press Ctrl-C again to end it at once$/m);
    assert.match(
      stderr,
      new RegExp(`^webinfra: up was stopped; \`webinfra up --stack ${site.stack}\` goes on where it ended$`, "m"),
    );
    assert.equal(code, 130);
  });

  it("is not in the way of the next up when it was killed with all that it had started", async () => {
    // Something must be left to be made, wherever Ctrl-C hit.
    site.configure({ web: 2 });
    const going = await upInTheMiddle();
    site.killAll(going.child);
    await going.ended;
    site.configure({});
  });

  it("comes up when the mirror returns, though a host dies in the middle of its packages, and leaves no machine of the runs before", async () => {
    const going = site.start(site.upArguments());
    await eventually(
      "a host that cannot install its packages",
      async () => {
        const web = (await site.machines()).find(({ host, running }) => host === "web-1" && running);
        assert.ok(web);
        const log = await site.shell("web-1", "journalctl --no-pager -u webinfra-converge");
        assert.match(log, /failed while installing packages \(\d\d-packages\); it is tried again/);
      },
      180,
    );
    assert.equal(going.child.exitCode, null, going.output());
    await mirror.bringBack();
    // Worse than no package is half of one.
    await eventually("MySQL's package to write the first data", async () => {
      const state = "dpkg-query -W -f '${db:Status-Status}' mysql-server; ls /var/lib/mysql";
      assert.match(await site.shell("db-1", state), /^half-configured\S/);
    });
    await incus("restart", "--force", (await site.machine("db-1")).machine);
    const { code, stdout, stderr } = await going.ended;
    assert.equal(code, 0, stdout + stderr);
    assert.equal((await site.fetch("/")).status, 200);
    const machines = await listInstances(site.stack);
    assert.deepEqual(machines.map(({ host }) => host).sort(), ["db-1", "lb-1", "web-1"]);
    assert.ok(machines.every(({ complete }) => complete));
    await site.write("well");
  });

  it("takes writes without a replica, and reads from the primary", async () => {
    const { headers } = await site.fetch("/api/entries");
    assert.equal(headers["x-database"], "db-1");
    await site.succeed("preview", site.stack, "--config-file", site.configFile, "--expect-no-changes");
  });
});

/** split-tiers, with leastconn and sticky sessions: Nginx and the application apart. */
import assert from "node:assert/strict";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, incus, manage, Site } from "../../support/site";
import {
  applicationsBehind,
  type Standing,
  bringUp,
  serves,
  survivesWebServer,
  losesAsReviewed,
} from "../../support/standing";

describe("topology split-tiers", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const apps = ["app-1", "app-2"];
  const standing: Standing = { webs: ["web-1", "web-2"], primary: "db-1", replicas: ["db-2"] };
  // With as many connections everywhere, leastconn sends in turn as well.
  const config = { topology: "split-tiers", algorithm: "leastconn", sticky: true };
  const site = new Site(config);
  manage(site);
  bringUp(site, "split-tiers");

  serves(site, standing);

  it("keeps Nginx and the application on separate servers", async () => {
    for (const web of standing.webs) {
      assert.equal(await site.shell(web, "systemctl is-active nginx; pgrep -cx node || true"), "active\n0\n");
    }
    for (const app of apps) {
      assert.equal(await site.shell(app, "pgrep -cx nginx || true; pgrep -cx node"), "0\n1\n");
    }
  });

  it("every Nginx spreads over the application tier", async () => {
    for (const web of standing.webs) {
      assert.deepEqual(await applicationsBehind(site, web), apps);
    }
  });

  it("brings a visitor back to the same web server by a cookie", async () => {
    const first = await site.fetch("/");
    const cookie = /WEBINFRA=[^;]+/.exec(first.headers["set-cookie"] ?? "")?.[0];
    assert.ok(cookie, "no cookie");
    for (let i = 0; i < 6; i++) {
      const { headers } = await site.fetch("/", { headers: { cookie } });
      assert.equal(headers["x-served-by"], first.headers["x-served-by"]);
    }
  });

  it("goes on with no failed request when an application server stops, and takes it back", async () => {
    const load = await site.load();
    const { machine } = await site.machine("app-1");
    await incus("stop", machine, "--timeout", "60");
    assert.deepEqual(await applicationsBehind(site, "web-1"), ["app-2"]);
    await incus("start", machine);
    await eventually("app-1 to come back", async () => assert.deepEqual(await applicationsBehind(site, "web-1"), apps));
    const report = await load.stop();
    assertNothingFailed(report);
    await site.settled();
  });

  it("serves static files when the whole application tier is away", async () => {
    const colours = await Promise.all(apps.map((app) => site.shell(app, "cut -d' ' -f1 /var/lib/webinfra/active")));
    await Promise.all(apps.map((app) => site.shell(app, "systemctl stop 'webinfra-app@*.service'")));
    await eventually("the page to be a clean 503", async () => {
      const { status, body } = await site.fetch("/");
      assert.equal(status, 503);
      assert.match(body, /<h1>Back soon<\/h1>/);
    });
    for (let i = 0; i < 6; i++) {
      assert.equal((await site.fetch("/static/style.css")).status, 200);
    }
    await Promise.all(
      apps.map((app, index) => site.shell(app, `systemctl start webinfra-app@${colours[index]!.trim()}`)),
    );
    await site.settled();
  });

  survivesWebServer(site, standing, "web-1");
  losesAsReviewed(site, standing);

  it("changes the application tier and leaves the web servers alone", async () => {
    const before = await site.machineIds();
    site.configure({ ...config, app: { concurrency: 63 } });
    const load = await site.load();
    await site.up();
    const report = await load.stop();
    assertNothingFailed(report);
    const after = await site.machineIds();
    const changed = Object.keys(after).filter((host) => after[host] !== before[host]);
    assert.deepEqual(changed.sort(), apps);
  });
});

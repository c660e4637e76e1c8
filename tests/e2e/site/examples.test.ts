/** Each application of docs/applications.md, brought up with the settings that stand there, on one site in turn. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { examples } from "../../support/examples";
import { figure, manage, repository, Site } from "../../support/site";
import { together } from "../../support/standing";

describe("the examples of applications", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site({ web: 1, replicas: 0 });
  manage(site);
  const releases = new Set<string>();

  for (const [index, { name, app, build }] of examples().entries()) {
    it(`${name} serves its page and its health path`, async () => {
      for (const commands of build) {
        rmSync(join(repository, app.directory), { recursive: true, force: true });
        execFileSync("bash", ["-euc", commands], { cwd: repository });
      }
      // The first starts from the image that other sites use too. One new machine installs its packages faster than an image is made of all.
      site.configure({ app, image: { bake: index === 0 } });
      const { seconds } = await site.up();
      figure(`up of the example in ${name}`, seconds, "s");
      for (const { status, headers, body } of await together(site, "/")) {
        assert.equal(status, 200, body);
        const [, release = ""] =
          /^Hello from web-1, release ([0-9a-f]{64})(?:, MySQL 9\.7\.\d+(?:-\S+)?)?\n$/.exec(body) ?? [];
        assert.equal(headers["x-release"], release, body);
        releases.add(release);
      }
      assert.equal(releases.size, index + 1);
      const health = await site.fetch("/healthz");
      assert.deepEqual([health.status, health.body], [200, "ok\n"]);
    });
  }
});

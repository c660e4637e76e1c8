import assert from "node:assert/strict";
import { join } from "node:path";
import { readStateFile } from "../../../cli/engine/state";
import { manage, Site } from "../../support/site";

const refused = ["balancers", "databases", "https", "backups", "monitoring"].map((what) => `production-${what}`);
const reason = "a rehearsal on one machine";

// Nothing is made in it: what is refused makes nothing, and what is allowed is only previewed.
describe("a production site on this machine", function () {
  this.timeout(120_000);
  const site = new Site({ production: true });
  manage(site);

  it("is refused by name before anything is created", async () => {
    const { code, stdout, stderr } = await site.run(site.upArguments());
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^checking the policies$/m);
    assert.match(stderr, /^webinfra: up is refused by 5 rules of the policy pack:$/m);
    assert.deepEqual(
      [...stderr.matchAll(/^ {2}([\w-]+) \(site\): /gm)].map(([, rule]) => rule),
      refused,
    );
    assert.deepEqual(await site.remains(), []);
    assert.deepEqual(readStateFile(join(site.home, "state"), "webinfra", site.stack)?.resources, []);
  });

  it("is refused in a preview too, after its plan, and allowed with each rule waived", async () => {
    const preview = ["preview", site.stack, "--config-file", site.configFile];
    const without = await site.run(preview);
    assert.equal(without.code, 1);
    assert.match(without.stdout, /^ {2}\+ create web-1 \[webinfra:incus:Machine\]$/m);
    assert.match(without.stderr, /preview is refused by 5 rules of the policy pack:/);

    site.configure({ policy: { waivers: Object.fromEntries(refused.map((rule) => [rule, reason])) } });
    const { stdout } = await site.succeed(...preview);
    assert.deepEqual(
      [...stdout.matchAll(/^ {2}waived \(site\): ([\w-]+) is waived \((.*?)\): /gm)].map(([, ...what]) => what),
      refused.map((rule) => [rule, reason]),
    );
  });
});

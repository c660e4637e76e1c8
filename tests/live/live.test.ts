/**
 * The smallest site on a real account, which is billed for it: `WEBINFRA_LIVE=aws|digitalocean npm run test:live`. docs/platforms.md says what it costs
 * and needs.
 */
import assert from "node:assert/strict";
import { request } from "undici";
import { manage, Site } from "../support/site";

const platform = process.env["WEBINFRA_LIVE"] ?? "";
const settings: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  aws: { aws: { region: process.env["AWS_REGION"] ?? "us-east-1" } },
  digitalocean: { digitalocean: { region: process.env["WEBINFRA_LIVE_REGION"] ?? "fra1" } },
};

describe(`a site on ${platform || "no platform: set WEBINFRA_LIVE to aws or digitalocean"}`, function () {
  // Packages from the internet, and platforms take their time.
  this.timeout(45 * 60_000);

  const chosen = settings[platform];
  const token = process.env["WEBINFRA_LIVE_ADDRESS_TOKEN"];
  const site = new Site({
    platform,
    web: 1,
    replicas: 0,
    // MySQL's own repository, which is the default everywhere but on a laptop.
    mysql: { protect: false, volumeGiB: 10 },
    ...chosen,
    ...(token === undefined ? {} : { secrets: { digitaloceanAddressToken: token } }),
  });
  before(function () {
    assert.ok(chosen, "WEBINFRA_LIVE should be aws or digitalocean");
    assert.ok(
      platform !== "digitalocean" || token,
      "WEBINFRA_LIVE_ADDRESS_TOKEN should be the token that balancers take over the address with",
    );
  });
  manage(site);

  it("comes up, serves what a visitor writes, does not change when run again, and goes away whole", async () => {
    site.configure({});
    const up = await site.up("--json");
    const { url } = JSON.parse(up.stdout) as { readonly url: string };
    const page = await request(url);
    assert.equal(page.statusCode, 200);
    await page.body.dump();
    const message = `live ${String(Date.now())}`;
    const post = await request(`${url}/api/entries`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "live test", message }),
    });
    assert.ok(post.statusCode < 300, await post.body.text());
    const entries = await request(`${url}/api/entries`);
    assert.match(await entries.body.text(), new RegExp(message));

    const preview = await site.run(["preview", site.stack, "--config-file", site.configFile, "--expect-no-changes"]);
    assert.equal(preview.code, 0, preview.stdout + preview.stderr);

    await site.succeed("down", site.stack);
  });
});

/** What `webinfra` and plain `pulumi` run is a bundle: it must ask the engine for the very same as the sources. */
import assert from "node:assert/strict";
import { platformNames } from "../../platforms/schema";
import source from "../../index";
import { temporaryHome } from "../support/home";
import { askedOn, bundledProgram } from "../support/recorded-program";

describe("the bundled program", function () {
  this.timeout(60_000);
  let bundled: typeof source;
  temporaryHome();
  before(async () => {
    bundled = await bundledProgram();
  });

  for (const platform of platformNames) {
    it(`makes the same graph as the sources: ${platform}`, async () => {
      assert.notEqual(bundled, source);
      const [ours, its] = [await askedOn(platform, source), await askedOn(platform, bundled)];
      assert.ok(ours.length > 20);
      assert.deepEqual(its, ours);
    });
  }
});

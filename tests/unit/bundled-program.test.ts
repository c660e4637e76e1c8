/** What `webinfra` and plain `pulumi` run is a bundle: it must ask the engine for the very same as the sources. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { z } from "zod";
import { platformNames } from "../../platforms/schema";
import source from "../../index";
import { temporaryHome } from "../support/home";
import { devRawConfig, digitaloceanSecrets } from "../support/hosts";
import { type Recorded, runProgram } from "../support/program";

const called = <T>() => z.custom<T>((value) => typeof value === "function");
const launcher = z.object({ load: called<(name: string) => Promise<unknown>>() });
const program = called<typeof source>();

describe("the bundled program", function () {
  this.timeout(60_000);
  let bundled: typeof source;
  temporaryHome();
  before(async () => {
    const { load } = launcher.parse(createRequire(__filename)("../../launch/bundle.cjs"));
    bundled = program.parse(await load("program"));
  });

  const byUrn = (resources: readonly Recorded[]): readonly Recorded[] =>
    [...resources].sort((a, b) => (a.urn < b.urn ? -1 : 1));

  for (const platform of platformNames) {
    it(`makes the same graph as the sources: ${platform}`, async () => {
      assert.notEqual(bundled, source);
      const config = devRawConfig({ platform, ...(platform === "digitalocean" && digitaloceanSecrets) });
      const [ours, its] = [await runProgram(source, { config }), await runProgram(bundled, { config })];
      assert.ok(ours.length > 20);
      assert.deepEqual(byUrn(its), byUrn(ours));
    });
  }
});

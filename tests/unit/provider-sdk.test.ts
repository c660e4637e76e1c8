import assert from "node:assert/strict";
import { resolve } from "node:path";
import { build } from "esbuild";

describe("provider: sdk", () => {
  it("brings a program nothing of the provider but itself", async () => {
    const { metafile } = await build({
      absWorkingDir: resolve(__dirname, "../.."),
      entryPoints: ["provider/sdk.ts"],
      bundle: true,
      metafile: true,
      packages: "external",
      platform: "node",
      write: false,
    });
    assert.deepEqual(Object.keys(metafile.inputs), ["provider/sdk.ts"]);
  });
});

// Makes what a package holds beside the repository's files: the bundle in a folder of a fixed name, and the types of its interface.
// Usage: node launch/pack.mjs (npm does it before it packs)
import { execFileSync } from "node:child_process";
import { cp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { bundle } from "./build.mjs";

const { packedFolder } = createRequire(import.meta.url)("./bundle.cjs");

const root = dirname(import.meta.dirname);
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const from = await bundle(root);
const to = packedFolder(root);
const types = join(root, "dist", "types");
await Promise.all([to, types].map((folder) => rm(folder, { recursive: true, force: true })));
// Without the maps, whose sources are not packed.
for (const name of (await readdir(from)).filter((file) => file.endsWith(".js"))) {
  await cp(join(from, name), join(to, name));
}
execFileSync(process.execPath, [tsc, "--project", join(root, "api")], { stdio: "inherit" });

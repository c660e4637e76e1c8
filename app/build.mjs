// Builds the application into a folder: server.js with everything in it, static/, and the licences of what it contains.
// The same sources give the same bytes, so that the archive of the folder has the same name on every machine.
// Usage: node app/build.mjs [folder, default app/dist]
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(root, "dist"));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const { metafile } = await build({
  absWorkingDir: dirname(root),
  entryPoints: ["app/src/main.ts"],
  outfile: join(out, "server.js"),
  bundle: true,
  platform: "node",
  // Debian 13 has Node 20.
  target: "node20",
  format: "cjs",
  charset: "utf8",
  // Only this application's own settings count, whatever tsconfig.json lies above.
  tsconfigRaw: { compilerOptions: { strict: true } },
  legalComments: "eof",
  metafile: true,
  logLevel: "warning",
});
await cp(join(root, "src", "static"), join(out, "static"), { recursive: true });
await writeFile(join(out, "LICENSES.txt"), await licences(Object.keys(metafile.inputs)));

async function licences(inputs) {
  const packages = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []));
  const texts = [...packages].sort().map(async (folder) => {
    const path = join(dirname(root), folder);
    const { name, version, license } = JSON.parse(await readFile(join(path, "package.json"), "utf8"));
    const files = (await readdir(path)).filter((file) => /^licen[cs]e/i.test(file)).sort();
    const contents = await Promise.all(files.map((file) => readFile(join(path, file), "utf8")));
    return [`${name} ${version} (${license})`, ...contents.map((text) => text.trim())].join("\n\n");
  });
  return `${(await Promise.all(texts)).join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

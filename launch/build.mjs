// Bundles the command, the program, the policy pack, the provider and the language host: one file each, in a folder of dist/ that is named by what it holds.
// dist/current.json names the folder and what it was made from; it is replaced last and at once, so that whoever starts
// meanwhile finds a whole bundle, the old one or the new one.
// Usage: node launch/build.mjs
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HOUR_MS = 3_600_000;

const { currentFile, entries, stampOf } = createRequire(import.meta.url)("./bundle.cjs");

/** What a bundle depends on beside the sources: the packages' versions, and how it is built. */
const settings = [
  "package.json",
  "package-lock.json",
  "node_modules/.package-lock.json",
  "tsconfig.json",
  "launch/build.mjs",
  "launch/bundle.cjs",
];

/** What a bundle calls the folder of the package that it is in: it may be packed, and installed elsewhere. */
const packageFolder = "__webinfraPackage";

/** Stamps each source before it is read, and leaves it its own `__dirname`, for the files that stand beside it. */
function ownSources(root, stamps) {
  return {
    name: "own-sources",
    setup(context) {
      context.onLoad({ filter: /\.(ts|json)$/ }, async ({ path }) => {
        const name = relative(root, path);
        if (name.split(sep).includes("node_modules")) {
          return undefined;
        }
        stamps[name] = stampOf(path);
        const text = await readFile(path, "utf8");
        const directory = text.includes("__dirname")
          ? `const __dirname = require("node:path").join(${packageFolder}, ${JSON.stringify(dirname(name))});`
          : "";
        return path.endsWith(".ts") ? { contents: directory + text, loader: "ts" } : { contents: text, loader: "json" };
      });
    },
  };
}

/** What bundling that was killed has left, of which nobody can be at work any more. */
async function leftBehind(dist) {
  const names = (await readdir(dist)).filter((name) => name.startsWith("building-"));
  const times = await Promise.all(
    names.map((name) =>
      stat(join(dist, name)).then(
        ({ mtimeMs }) => mtimeMs,
        // Another command has just ended.
        () => Date.now(),
      ),
    ),
  );
  return names.filter((_, index) => Date.now() - times[index] > HOUR_MS);
}

/** Bundles the repository at `root`. @returns the folder of the bundle */
export async function bundle(root) {
  const dist = join(root, "dist");
  const current = currentFile(root);
  const sources = {};
  for (const file of settings) {
    sources[file] = stampOf(join(root, file));
  }
  const { engines } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    // As deep as the folder that they go to: source maps name the sources from there.
    outdir: join(dist, "bundle"),
    bundle: true,
    write: false,
    platform: "node",
    // The oldest that it may run under.
    target: `node${engines.node.replace(">=", "")}`,
    format: "cjs",
    banner: { js: `"use strict";\nconst ${packageFolder} = require("node:path").resolve(__dirname, "../..");` },
    charset: "utf8",
    // What a bundle shares with packages that stay outside must be the same module for both; esbuild has a program beside it.
    external: ["@pulumi/*", "@grpc/*", "google-protobuf", "esbuild"],
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "silent",
    plugins: [ownSources(root, sources)],
  });
  const digest = createHash("sha256");
  for (const { path, contents } of outputFiles) {
    digest.update(`${basename(path)}\0`).update(contents);
  }
  const folder = digest.digest("hex").slice(0, 16);
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, "building-"));
  try {
    const files = join(fresh, "files");
    await mkdir(files);
    for (const { path, contents } of outputFiles) {
      await writeFile(join(files, basename(path)), contents);
    }
    await rename(files, join(dist, folder)).catch((error) => {
      // Another command has made the same bundle.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    const before = await readFile(current, "utf8").then(
      (text) => JSON.parse(text).folder,
      () => undefined,
    );
    const aside = join(fresh, "current.json");
    await writeFile(aside, JSON.stringify({ root, folder, sources }));
    await rename(aside, current);
    // A command that started just now may still be reading the bundle before.
    const old = (await readdir(dist)).filter(
      (name) => /^[0-9a-f]{16}$/.test(name) && name !== folder && name !== before,
    );
    const left = await leftBehind(dist);
    await Promise.all([...old, ...left].map((name) => rm(join(dist, name), { recursive: true, force: true })));
    return join(dist, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(dirname(import.meta.dirname));
}

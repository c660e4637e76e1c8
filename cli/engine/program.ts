/** Runs the program of a project of the user's own, anew each time: a preview and the update after it are two runs of one process. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { RunError } from "@pulumi/pulumi";
import { z } from "zod";
import { UserError } from "../../core/errors";
import { readProject } from "./stackfile";
import { writeWhole } from "./whole-file";

type Variables = Readonly<Record<string, string | undefined>>;

const packageSchema = z.looseObject({ version: z.string() });

/** A program's exports are its stack's outputs; Pulumi calls one that is a function, and takes what that returns. */
const exportsSchema = z.union([
  z.custom<(environment: Variables) => unknown>((value) => typeof value === "function"),
  z.record(z.string(), z.unknown()),
]);
const outputsSchema = z.record(z.string(), z.unknown());

/** The file that a project's program begins with. */
function entryOf(folder: string): string {
  const { main = "." } = readProject(join(folder, "Pulumi.yaml"));
  const start = resolve(folder, main);
  const found = [start, join(start, "index.ts"), join(start, "index.js")].find((path) =>
    statSync(path, { throwIfNoEntry: false })?.isFile(),
  );
  if (found === undefined) {
    const wanted = /\.[cm]?[jt]s$/.test(start) ? start : join(start, "index.ts");
    throw new UserError(`${folder} has no program: ${wanted} does not exist; \`webinfra init\` writes it`);
  }
  return found;
}

const sdk = "@pulumi/pulumi/package.json";

/** A program with an SDK of its own would make its resources with one that no run was set up for. */
function checkSdk(folder: string): void {
  const [theirs, ours] = [createRequire(join(folder, "index.js")), createRequire(__filename)].map((from) => {
    const file = realpathSync(from.resolve(sdk));
    return { file, version: packageSchema.parse(JSON.parse(readFileSync(file, "utf8"))).version };
  });
  if (theirs !== undefined && ours !== undefined && theirs.file !== ours.file) {
    throw new UserError(
      `the project's @pulumi/pulumi is ${theirs.version}, and webinfra works with ${ours.version}: run \`npm install --save-exact @pulumi/pulumi@${ours.version}\``,
    );
  }
}

const buildFailure = z.object({
  errors: z.array(
    z.object({
      text: z.string(),
      location: z.object({ file: z.string(), line: z.number(), column: z.number() }).nullable(),
    }),
  ),
});

/** The program as one file that any Node can load; its packages stay outside. */
async function bundled(folder: string, entry: string): Promise<string> {
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      absWorkingDir: folder,
      entryPoints: [entry],
      bundle: true,
      write: false,
      packages: "external",
      platform: "node",
      format: "cjs",
      target: `node${process.versions.node}`,
      charset: "utf8",
      sourcemap: "inline",
      logLevel: "silent",
      // Where the lines of an error are.
      sourceRoot: pathToFileURL(`${folder}/`).href,
      // Names that a file declares itself stay its own.
      define: {
        __dirname: "__webinfra_dirname",
        __filename: "__webinfra_filename",
        "import.meta.dirname": "__webinfra_dirname",
        "import.meta.filename": "__webinfra_filename",
        "import.meta.url": "__webinfra_url",
      },
      plugins: [
        {
          // Each file keeps its own place.
          name: "own-place",
          setup(context) {
            context.onLoad({ filter: /\.[cm]?[jt]s$/ }, ({ path }) => {
              const place = { dirname: dirname(path), filename: path, url: pathToFileURL(path).href };
              const names = Object.entries(place).map(
                ([name, value]) => `__webinfra_${name} = ${JSON.stringify(value)}`,
              );
              // Lines keep their numbers.
              const text = readFileSync(path, "utf8").replace(/^#!.*/, "");
              return { contents: `var ${names.join(", ")};${text}`, loader: path.endsWith("ts") ? "ts" : "js" };
            });
          },
        },
      ],
    });
    return outputFiles[0]?.text ?? "";
  } catch (error) {
    const failure = buildFailure.safeParse(error);
    if (!failure.success) {
      throw error;
    }
    const lines = failure.data.errors.map(({ text, location }) =>
      location === null ? text : `${location.file}:${String(location.line)}:${String(location.column + 1)}: ${text}`,
    );
    throw new UserError([`the program of ${folder} cannot be read:`, ...lines.map((line) => `  - ${line}`)].join("\n"));
  }
}

/** Sets variables for the time of a run, and returns what sets them back. */
function withVariables(variables: Variables): () => void {
  const changed = Object.entries(variables).filter(([name, value]) => process.env[name] !== value);
  const before = changed.map(([name]) => [name, process.env[name]] as const);
  const put = (pairs: readonly (readonly [string, string | undefined])[]): void => {
    for (const [name, value] of pairs) {
      if (value === undefined) {
        Reflect.deleteProperty(process.env, name);
      } else {
        process.env[name] = value;
      }
    }
  };
  put(changed);
  return () => put(before);
}

/** What a program exports, or what it returns. Its own errors are told as its own. */
async function exportsOf(load: () => unknown, folder: string, environment: Variables): Promise<unknown> {
  try {
    const loaded = exportsSchema.parse(load());
    const exported = exportsSchema.parse("default" in loaded ? loaded["default"] : loaded);
    return typeof exported === "function" ? await exported(environment) : exported;
  } catch (error) {
    if (error instanceof UserError || RunError.isInstance(error)) {
      throw error;
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new UserError(`the program of ${folder} failed: ${detail}`);
  }
}

/**
 * Runs a project's program and returns what it exports.
 * @param folder the project
 * @param environment variables of the run; the program sees them in `process.env`, and is given them if it is a function
 * @throws UserError when it cannot be read, fails, or exports no outputs; a RunError of its own stays as it is
 */
export async function runOwnProgram(folder: string, environment: Variables): Promise<Record<string, unknown>> {
  const entry = entryOf(folder);
  checkSdk(folder);
  const text = await bundled(folder, entry);
  // Below node_modules, where no tool looks, and from where the program finds its packages.
  const cache = join(folder, "node_modules", ".cache", "webinfra");
  mkdirSync(cache, { recursive: true });
  const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const file = join(cache, `program-${name}-${String(process.pid)}.cjs`);
  writeWhole(file, text, 0o644);
  const load = createRequire(join(folder, "package.json"));
  const restore = withVariables(environment);
  try {
    Reflect.deleteProperty(load.cache, file);
    const found = await exportsOf(() => load(file), folder, environment);
    const outputs = outputsSchema.safeParse(found);
    if (!outputs.success) {
      throw new UserError(`${entry} exports no outputs: it should end with \`export = () => site.outputs\``);
    }
    return outputs.data;
  } finally {
    restore();
    rmSync(file, { force: true });
  }
}

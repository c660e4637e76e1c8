/** Writes the files of a project of the user's own: what is in them is decided first, then they are written, all or none. */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { z } from "zod";
import { UserError } from "../../core/errors";
import { type PlatformName, platformNames } from "../../platforms/schema";
import { render } from "../../services/template";
import { didYouMean } from "../../operations/suggest";
import type { Output } from "../terminal/output";
import { editedText } from "./edit";
import { writeWhole } from "./whole-file";
import type { Override } from "./workfolder";

/** What is asked. */
export interface InitAnswers {
  /** The application's folder, relative to the project; empty: the guestbook that comes with the package. */
  readonly app: string;
  /** Where production is to run. */
  readonly platform: PlatformName;
}

/** What a new project is made from. */
interface NewProject extends InitAnswers {
  /** Its folder, absolute. */
  readonly folder: string;
  /** This package, as it was installed. */
  readonly packageFolder: string;
  /** Where the package's own stack files are read. */
  readonly templates: string;
}

/** A file of the project, by its path in it. */
type Files = Readonly<Record<string, string>>;

const projectTemplates = join(__dirname, "..", "init");

/** A name that Pulumi takes for a project, from a folder's. */
export const projectNameFor = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60) || "site";

/** How an application begins, by the file that it has. */
const starts = [
  { file: "server.js", packages: ["nodejs"], start: "/usr/bin/node server.js" },
  { file: "index.js", packages: ["nodejs"], start: "/usr/bin/node index.js" },
  { file: "app.py", packages: ["python3"], start: "/usr/bin/python3 app.py" },
  { file: "main.py", packages: ["python3"], start: "/usr/bin/python3 main.py" },
] as const;

/** The settings of an application in a folder of the project's; what starts it is a first guess. */
function appSettings(folder: string, app: string): Readonly<Record<string, unknown>> {
  const found = starts.find(({ file }) => existsSync(resolve(folder, app, file)));
  return { directory: app, ...(found === undefined ? {} : { packages: found.packages, start: found.start }) };
}

/** A stack's file after one of the package's own, with values on top. */
function stackFile(templates: string, name: string, way: string, changes: readonly Override[]): string {
  const text = readFileSync(join(templates, `Pulumi.${name}.yaml`), "utf8")
    .replace(/\$schema=\S+/, `$schema=${way}/schema/stack.schema.json`)
    .replace("docs/configuration.md", `${way}/docs/configuration.md`);
  return editedText(text, changes);
}

/** What GitHub puts in the place of an expression when it runs a workflow. */
const expression = (text: string): string => `\${{ ${text} }}`;

/** What an environment of the workflow holds. */
const variables = ["AWS_ROLE", "AWS_REGION", "PULUMI_BACKEND_URL"] as const;
const secrets = ["PULUMI_CONFIG_PASSPHRASE", "DIGITALOCEAN_TOKEN"] as const;

const named = (kind: string, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, expression(`${kind}.${name}`)]));

/** The files of a new project. */
export function projectFiles({ folder, packageFolder, templates, app, platform }: NewProject): Files {
  const way = relative(folder, packageFolder);
  const settings = app === "" ? { directory: `${way}/app/dist` } : appSettings(folder, app);
  const application = { key: "webinfra:app", path: [], value: settings };
  const cloud = { aws: "prod", digitalocean: "staging", incus: undefined }[platform];
  const stacks = ["dev", ...(cloud === undefined ? [] : ["prod"])];
  const expressions = {
    number: expression("github.event.pull_request.number"),
    ...named("vars", variables),
    ...named("secrets", secrets),
  };
  const view = { name: projectNameFor(folder), package: way, platform, stacks, expressions, pulumi: sdkVersion };
  const rendered = (name: string): string => render(projectTemplates, `${name}.liquid`, view);
  return {
    "Pulumi.yaml": rendered("Pulumi.yaml"),
    "Pulumi.dev.yaml": stackFile(templates, "dev", way, [application]),
    ...(cloud === undefined ? {} : { "Pulumi.prod.yaml": stackFile(templates, cloud, way, [application]) }),
    "index.ts": rendered("index.ts"),
    "tsconfig.json": rendered("tsconfig.json"),
    ".gitignore": rendered("gitignore"),
    ".github/workflows/check.yml": rendered("check.yml"),
    ...(cloud === undefined ? {} : { ".github/workflows/preview.yml": rendered("preview.yml") }),
  };
}

/** Files that a project may have before, and keeps. */
const kept: readonly string[] = [".gitignore", "tsconfig.json"];

/**
 * Writes a project's files; those that may be there already stay as they are.
 * @returns the files that were written
 * @throws UserError when another one is there: nothing is written then
 */
export function writeProject(folder: string, files: Files): readonly string[] {
  const there = Object.keys(files).filter((name) => existsSync(join(folder, name)));
  const inTheWay = there.filter((name) => !kept.includes(name));
  if (inTheWay.length > 0) {
    throw new UserError(`${folder} has ${inTheWay.join(", ")} already: nothing was written`);
  }
  const fresh = Object.entries(files).filter(([name]) => !there.includes(name));
  for (const [name, text] of fresh) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeWhole(join(folder, name), text, 0o644);
  }
  return fresh.map(([name]) => name);
}

/** The package as it was installed into a folder, and not where a link leads. */
export function installedPackage(folder: string, packageFolder: string): string {
  const place = join(folder, "node_modules", "webinfra");
  try {
    const found = dirname(createRequire(join(folder, "index.js")).resolve("webinfra/package.json"));
    if (realpathSync(found) === realpathSync(packageFolder)) {
      return existsSync(place) ? place : found;
    }
  } catch {
    // It is not there.
  }
  throw new UserError(
    `webinfra is not installed in ${folder}: run \`npm install --save-exact webinfra\` there first, or give the path of a package that \`npm pack\` made`,
  );
}

/** Reads the name of a platform. */
export function platformNamed(name: string): PlatformName {
  const found = z.enum(platformNames).safeParse(name);
  if (!found.success) {
    throw new UserError(
      `there is no platform "${name}"${didYouMean(name, platformNames)}: should be one of ${platformNames.join(", ")}`,
    );
  }
  return found.data;
}

/** @throws UserError when the application's folder is not there */
function checkApp(folder: string, app: string): void {
  if (app !== "" && statSync(resolve(folder, app), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UserError(`--app ${app}: there is no such folder in ${folder}`);
  }
}

/** What was given on the command line; what is not there is asked for, or has its default. */
interface InitOptions {
  readonly app?: string;
  readonly platform?: string;
  readonly yes?: boolean;
}

async function answers({ app, platform, yes }: InitOptions): Promise<InitAnswers> {
  const given = { app, platform };
  if (yes !== true && process.stdin.isTTY && (app === undefined || platform === undefined)) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      given.app ??= (
        await prompt.question("your application's folder (nothing: the guestbook that comes along): ")
      ).trim();
      given.platform ??=
        (await prompt.question(`where production runs: ${platformNames.join(", ")} (nothing: incus): `)).trim() ||
        "incus";
    } finally {
      prompt.close();
    }
  }
  return { app: given.app ?? "", platform: platformNamed(given.platform ?? "incus") };
}

/** Makes a folder a project with a site. */
export async function init(
  output: Output,
  folder: string,
  packageFolder: string,
  options: InitOptions,
): Promise<readonly string[]> {
  const installed = installedPackage(folder, packageFolder);
  const chosen = await answers(options);
  checkApp(folder, chosen.app);
  const written = writeProject(
    folder,
    projectFiles({ ...chosen, folder, packageFolder: installed, templates: installed }),
  );
  for (const name of written) {
    output.result(`wrote ${name}`);
  }
  output.result("next: `webinfra setup`, which gets this machine ready, and `webinfra up`");
  return written;
}

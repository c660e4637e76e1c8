/**
 * The stack's configuration file. The passphrase provider writes its salt into that file, and the committed one must
 * never change: so, with the own state folder, Pulumi works in `WEBINFRA_HOME/stacks/<stack>/`, which holds a copy of
 * the project and of the stack's file, made afresh at each run, and what only belongs there (the salt, secrets).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { UserError } from "../../core/errors";
import { keyProblems, sectionProblems } from "../../config/keys";
import { didYouMean } from "../../operations/suggest";
import { writeWhole } from "./whole-file";
import { type Override, readLastRun, workDirectory, workFile } from "./workfolder";

const record = z.record(z.string(), z.unknown());
const settingsSchema = z.looseObject({
  config: record.nullish(),
  encryptionsalt: z.string().optional(),
  encryptedkey: z.string().optional(),
  secretsprovider: z.string().optional(),
});

/** What a stack's file holds. */
export type StackSettings = z.infer<typeof settingsSchema>;

const projectSchema = z.looseObject({
  name: z.string(),
  main: z.string().optional(),
  plugins: z.record(z.string(), z.array(z.looseObject({ path: z.string().optional() }))).optional(),
});

const looksLikeJson = /^[{["]/;

/** Reads a value as YAML would a plain scalar; JSON for objects, lists and quoted strings. */
function parseValue(text: string, told: string): unknown {
  if (looksLikeJson.test(text)) {
    try {
      const value: unknown = JSON.parse(text);
      return value;
    } catch (error) {
      throw new UserError(`${told}: the value looks like JSON but is not: ${String(error)}`);
    }
  }
  if (text === "true" || text === "false") {
    return text === "true";
  }
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text;
}

/**
 * Reads one `--config` argument: `key=value`, where the key may have a namespace (default: the project's) and a path:
 * `topology=split-tiers`, `app.directory=../shop`, `hosts[0].name=a`, `aws:region=eu-central-1`, `network={"cidr":"…"}`.
 */
export function parseOverride(argument: string, told = `--config ${argument}`): Override {
  const match = /^(?:([A-Za-z][\w-]*):)?([A-Za-z][\w-]*)((?:\.[\w-]+|\[\d+\])*)=(.*)$/s.exec(argument);
  if (!match) {
    throw new UserError(`${told}: not of the form key=value, such as topology=split-tiers or app.directory=../shop`);
  }
  const [, namespace, name, path, value] = match;
  const key = `${namespace ?? "webinfra"}:${name ?? ""}`;
  const [problem] = keyProblems([key]);
  if (problem !== undefined) {
    throw new UserError(`${told}: ${problem}`);
  }
  if (key === "webinfra:secrets") {
    // Not what was given: it may be the secret.
    throw new UserError(
      "webinfra:secrets is set with `webinfra secrets set API_TOKEN`, which asks for the value and encrypts it: an argument could be read by others",
    );
  }
  return {
    key,
    path: (path ?? "").split(/[.[\]]+/).filter((part) => part !== ""),
    value: parseValue(value ?? "", told),
  };
}

/** An override as `--config` and `config set` take it; `parseOverride` reads it back. */
export function overrideText({ key, path, value }: Override): string {
  const place = path.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join("");
  const plain = typeof value === "string" && !looksLikeJson.test(value) && parseValue(value, "") === value;
  return `${key.replace(/^webinfra:/, "")}${place}=${plain ? value : JSON.stringify(value)}`;
}

/** The value that stands where an override would put its own. */
export function valueAt(config: Readonly<Record<string, unknown>>, { key, path }: Override): unknown {
  let found = config[key];
  for (const part of path) {
    found = Array.isArray(found) ? (found as readonly unknown[])[Number(part)] : record.safeParse(found).data?.[part];
  }
  return found;
}

function withValueAt(target: unknown, path: readonly string[], value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) {
    return value;
  }
  if (/^\d+$/.test(head) && (Array.isArray(target) || target === undefined)) {
    const list: unknown[] = target === undefined ? [] : [...(target as readonly unknown[])];
    list[Number(head)] = withValueAt(list[Number(head)], rest, value);
    return list;
  }
  const object = record.safeParse(target).data ?? {};
  return { ...object, [head]: withValueAt(object[head], rest, value) };
}

/** The configuration with the overrides put in; the argument is left as it is. */
export function applyOverrides(
  config: Readonly<Record<string, unknown>>,
  overrides: readonly Override[],
): Record<string, unknown> {
  const result = { ...config };
  for (const { key, path, value } of overrides) {
    result[key] = withValueAt(result[key], path, value);
  }
  return result;
}

/**
 * Reads the text of a stack's file.
 * @param file for the error
 * @throws UserError also when it has keys that nobody reads
 */
export function settingsIn(text: string, file: string): StackSettings {
  let content: unknown;
  try {
    content = parse(text, { logLevel: "error" });
    // An alias may stand inside what it stands for.
    JSON.stringify(content);
  } catch (error) {
    throw new UserError(`${file} cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const settings = settingsSchema.safeParse(content ?? {});
  if (!settings.success) {
    throw new UserError(`${file} is no stack file: ${z.prettifyError(settings.error)}`);
  }
  const problems = [
    ...sectionProblems(Object.keys(settings.data)),
    ...keyProblems(Object.keys(settings.data.config ?? {})),
  ];
  if (problems.length > 0) {
    throw new UserError([`${file} has keys that nobody reads:`, ...problems.map((one) => `  - ${one}`)].join("\n"));
  }
  return settings.data;
}

/** The text of a stack's file. */
export function stackFileText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads a stack's file. */
export const readSettings = (file: string): StackSettings => settingsIn(stackFileText(file), file);

/** The stacks that the repository has a file for, sorted. */
export function stacksWithFile(root: string): string[] {
  return readdirSync(root)
    .map((name) => /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** Checks a stack's name: it becomes part of file names and of names in the cloud. */
export function checkStackName(stack: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(stack)) {
    throw new UserError(
      `the stack's name "${stack}" cannot be used: it is letters, digits, dashes, dots and underscores, such as dev`,
    );
  }
}

/** Which stack's file is asked for. */
export interface FileQuery {
  readonly root: string;
  readonly home: string;
  readonly stack: string;
  /** `--config-file`, relative to the caller's directory. */
  readonly given?: string | undefined;
  /** What the command takes that asks: a file, too (the default), or names of stacks alone. */
  readonly advice?: "file" | "names";
}

/**
 * The file that a stack's configuration comes from: the one that is given, else that of the repository, else the one that was given last.
 * @throws UserError when there is none, with the stacks that there are
 */
export function sourceFile({ root, home, stack, given, advice = "file" }: FileQuery): string {
  if (given !== undefined) {
    const file = resolve(given);
    if (!existsSync(file)) {
      throw new UserError(`--config-file ${given}: there is no such file`);
    }
    return file;
  }
  const file = join(root, `Pulumi.${stack}.yaml`);
  if (existsSync(file)) {
    return file;
  }
  const { configFile } = readLastRun(home, stack);
  if (configFile !== undefined && existsSync(configFile)) {
    return configFile;
  }
  const known = stacksWithFile(root);
  throw new UserError(
    `there is no stack "${stack}"${didYouMean(stack, known)}: ${file} does not exist. ` +
      (known.length === 0 ? "There are no stacks yet" : `Stacks: ${known.join(", ")}`) +
      (advice === "file" ? "; copy one of their files, or give one with --config-file" : ""),
  );
}

/** Whether a configuration value is a secret, or holds one. */
export function isSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  return "secure" in value || Object.values(value).some(isSecret);
}

/**
 * The settings for a run: those of the source, the overrides, and what only the work copy has: the salt or key of the
 * secrets, and secrets that were set there (`pulumi config set --secret` under the variables of `webinfra env`).
 */
export function mergeSettings(
  source: StackSettings,
  workCopy: StackSettings | undefined,
  overrides: readonly Override[],
): StackSettings {
  const ownSecrets = Object.fromEntries(
    Object.entries(workCopy?.config ?? {}).filter(([key, value]) => isSecret(value) && !(key in (source.config ?? {}))),
  );
  const ownsKeys = source.encryptionsalt === undefined && source.encryptedkey === undefined;
  return {
    ...source,
    ...(ownsKeys && workCopy?.encryptionsalt !== undefined ? { encryptionsalt: workCopy.encryptionsalt } : {}),
    ...(ownsKeys && workCopy?.encryptedkey !== undefined ? { encryptedkey: workCopy.encryptedkey } : {}),
    config: applyOverrides({ ...source.config, ...ownSecrets }, overrides),
  };
}

/** The project file for a folder elsewhere: plugin paths absolute, the program in the repository, no backend of its own. */
export function relocateProject(text: string, root: string): string {
  const { backend: _backend, ...project } = projectSchema.parse(parse(text));
  const plugins = Object.fromEntries(
    Object.entries(project.plugins ?? {}).map(([kind, list]) => [
      kind,
      list.map((plugin) => (plugin.path === undefined ? plugin : { ...plugin, path: resolve(root, plugin.path) })),
    ]),
  );
  return toYaml({
    ...project,
    main: resolve(root, project.main ?? "."),
    ...(project.plugins === undefined ? {} : { plugins }),
  });
}

/** What a Pulumi.yaml says of its project. */
export const readProject = (file: string): z.infer<typeof projectSchema> =>
  projectSchema.parse(parse(readFileSync(file, "utf8")));

/**
 * The project's name, from its Pulumi.yaml.
 * @throws UserError when there is none
 */
export function projectName(root: string): string {
  if (!existsSync(join(root, "Pulumi.yaml"))) {
    throw new UserError(`${root} is no project yet: it has no Pulumi.yaml; \`webinfra init\` writes it`);
  }
  return readProject(join(root, "Pulumi.yaml")).name;
}

/** The project that last worked on a stack in a WEBINFRA_HOME, as its work folder says; undefined when none did. */
export function workProject(home: string, stack: string): { readonly name: string; readonly main: string } | undefined {
  const file = join(workDirectory(home, stack), "Pulumi.yaml");
  if (!existsSync(file)) {
    return undefined;
  }
  const { name, main = "" } = readProject(file);
  return { name, main };
}

/** YAML that also readers of YAML 1.1 take as meant: a string such as "no" stays quoted. */
function toYaml(value: unknown): string {
  return stringify(value, { version: "1.1" });
}

function writeIfChanged(file: string, content: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === content) {
    return;
  }
  writeWhole(file, content, 0o600);
}

/** The file with a stack's configuration, as {@link sourceFile}; where the one that was given last is gone, the copy of it. */
export function fileFor(query: FileQuery): string {
  const copy = workFile(query.home, query.stack);
  try {
    return sourceFile(query);
  } catch (error) {
    if (query.given === undefined && existsSync(copy)) {
      return copy;
    }
    throw error;
  }
}

/** Brings the work folder of a stack up to date with the repository and returns the settings that hold. */
export function refreshWorkDirectory(
  root: string,
  home: string,
  stack: string,
  source: string,
  overrides: readonly Override[],
): StackSettings {
  const file = workFile(home, stack);
  mkdirSync(workDirectory(home, stack), { recursive: true, mode: 0o700 });
  const settings = mergeSettings(readSettings(source), existsSync(file) ? readSettings(file) : undefined, overrides);
  writeIfChanged(
    join(workDirectory(home, stack), "Pulumi.yaml"),
    relocateProject(readFileSync(join(root, "Pulumi.yaml"), "utf8"), root),
  );
  writeIfChanged(file, toYaml(settings));
  return settings;
}

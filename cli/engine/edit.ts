/** Changes a stack's file as a person would: what it says beside them, its comments and its order stay. */
import { readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { isMap, isScalar, parseDocument, stringify } from "yaml";
import { webinfraHome } from "../../config/home";
import { UserError } from "../../core/errors";
import { didYouMean } from "../../operations/suggest";
import { place } from "../../topology/place";
import type { CommandContext } from "../context";
import { configOf } from "./configuration";
import { checkStackName, fileFor, parseOverride, readSettings, settingsIn, valueAt } from "./stackfile";
import { type Override, workFile } from "./workfolder";

/** A value as it is written: readers of YAML 1.1 would take an unquoted "no" for false. */
const nodeOf = (value: unknown): unknown => parseDocument(stringify({ value }, { version: "1.1" })).get("value", true);

/** The text of a stack's file with values put in, or taken out where they are undefined. */
export function editedText(text: string, changes: readonly Override[]): string {
  const document = parseDocument(text);
  if (!isMap(document.get("config", true))) {
    document.set("config", document.createNode({}));
  }
  for (const { key, path, value } of changes) {
    const at = ["config", key, ...path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
    if (value === undefined) {
      document.deleteIn(at);
    } else {
      const node = nodeOf(value);
      const present = document.getIn(at, true);
      if (isScalar(present) && isScalar(node)) {
        // In its place, so that the comment beside it stays.
        Object.assign(present, { value: node.value, type: node.type, source: undefined });
      } else {
        document.setIn(at, node);
      }
    }
  }
  // No line is folded, so that a diff shows what was changed alone.
  return document.toString({ lineWidth: 0 });
}

/** The file to change: that of the repository, or the one that is given. */
export function fileToEdit(context: CommandContext, stack: string, given: string | undefined): string {
  checkStackName(stack);
  const home = webinfraHome(context.environment);
  const file = fileFor({ root: context.root, home, stack, given });
  if (file === workFile(home, stack)) {
    throw new UserError(
      `the file that the stack "${stack}" was brought up from is not where it was: name it with --config-file`,
    );
  }
  return realpathSync(file);
}

/**
 * What holds for a stack, defaults included.
 * @param key such as `app.directory`; undefined: everything
 * @throws UserError when nothing stands at the key
 */
export function effectiveConfig(
  context: CommandContext,
  stack: string,
  given: string | undefined,
  key: string | undefined,
): unknown {
  checkStackName(stack);
  const config = configOf(
    readSettings(fileFor({ root: context.root, home: webinfraHome(context.environment), stack, given })),
  );
  if (key === undefined) {
    return config;
  }
  const named = Object.fromEntries(Object.entries(config).map(([name, value]) => [`webinfra:${name}`, value]));
  const value = valueAt(named, parseOverride(`${key}=`, key));
  if (value === undefined) {
    throw new UserError(`${key} is not set, and has no default${didYouMean(key, Object.keys(config))}`);
  }
  return value;
}

/**
 * Changes a stack's file, provided that it is sound afterwards.
 * @returns whether anything changed
 * @throws ConfigError with every problem that the changed file would have; nothing is written then
 */
export function editStackFile(file: string, changes: readonly Override[]): boolean {
  const before = readFileSync(file, "utf8");
  const after = editedText(before, changes);
  if (after === before) {
    return false;
  }
  place(configOf(settingsIn(after, file)));
  const aside = `${file}.${String(process.pid)}`;
  writeFileSync(aside, after, { mode: statSync(file).mode });
  renameSync(aside, file);
  return true;
}

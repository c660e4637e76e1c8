/** Changes a stack's file as a person would: what it says beside them, its comments and its order stay. */
import { realpathSync, statSync } from "node:fs";
import { type Document, isCollection, isMap, isScalar, parseDocument, stringify } from "yaml";
import { webinfraHome } from "../../config/home";
import { UserError } from "../../core/errors";
import { didYouMean } from "../../operations/suggest";
import { place } from "../../topology/place";
import type { CommandContext } from "../context";
import { configOf } from "./configuration";
import {
  checkStackName,
  fileFor,
  overrideText,
  parseOverride,
  readSettings,
  settingsIn,
  stackFileText,
  valueAt,
} from "./stackfile";
import { writeWhole } from "./whole-file";
import { type Override, workFile } from "./workfolder";

/** A value as it is written: readers of YAML 1.1 would take an unquoted "no" for false. */
const nodeOf = (value: unknown): unknown => parseDocument(stringify({ value }, { version: "1.1" })).get("value", true);

const withoutNamespace = (key: string): string => key.replace(/^webinfra:/, "");

/** Puts one value into the document. */
function put(document: Document, { key, path, value }: Override): void {
  const at = ["config", key, ...path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
  if (value === undefined) {
    document.deleteIn(at);
    return;
  }
  for (let depth = 1; depth < at.length; depth++) {
    const above: unknown = document.getIn(at.slice(0, depth), true);
    // `app:` with nothing behind it is a mapping that is still empty.
    if (isScalar(above) && above.value === null) {
      document.deleteIn(at.slice(0, depth));
    } else if (above !== undefined && !isCollection(above)) {
      throw new UserError(
        `${overrideText({ key, path, value })}: ${withoutNamespace(at.slice(1, depth).join("."))} holds no keys of its own in this file: change it by hand`,
      );
    }
  }
  const node = nodeOf(value);
  const present: unknown = document.getIn(at, true);
  if ((isScalar(present) || isCollection(present)) && present.anchor !== undefined) {
    throw new UserError(
      `${withoutNamespace(key)} has an anchor (&${present.anchor}), and other keys would change with it: change it by hand`,
    );
  }
  if (isScalar(present) && isScalar(node)) {
    // In its place, so that the comment beside it stays.
    Object.assign(present, { value: node.value, type: node.type, source: undefined });
  } else {
    document.setIn(at, node);
  }
}

/**
 * The text of a stack's file with values put in, or taken out where they are undefined.
 * @throws UserError when the text is no stack file, or a value has no place in it
 */
export function editedText(text: string, changes: readonly Override[]): string {
  const lineBreak = /\r\n/.test(text) ? "\r\n" : "\n";
  const document = parseDocument(text, { logLevel: "error" });
  const [error] = document.errors;
  if (error !== undefined || (document.contents !== null && !isMap(document.contents))) {
    throw new UserError(
      `the stack's file cannot be changed: ${error?.message ?? "it is no mapping of keys to values"}`,
    );
  }
  if (!isMap(document.get("config", true))) {
    document.set("config", document.createNode({}));
  }
  for (const change of changes) {
    put(document, change);
  }
  // No line is folded, so that a diff shows little more than what was changed.
  return document.toString({ lineWidth: 0 }).replaceAll("\n", lineBreak);
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

const write = (file: string, text: string): void => writeWhole(file, text, statSync(file).mode);

/** Puts an encrypted secret into a stack's file, whatever else that holds. */
export function keepSecret(file: string, name: string, encrypted: unknown): void {
  write(file, editedText(stackFileText(file), [{ key: "webinfra:secrets", path: [name], value: encrypted }]));
}

/**
 * Changes a stack's file, provided that it is sound afterwards.
 * @returns whether anything changed
 * @throws ConfigError with every problem that the changed file would have; nothing is written then
 */
export function editStackFile(file: string, changes: readonly Override[]): boolean {
  const before = stackFileText(file);
  const after = editedText(before, changes);
  if (after === before) {
    return false;
  }
  place(configOf(settingsIn(after, file)));
  write(file, after);
  return true;
}

/** What an update would do, told from two recorded graphs as the engine tells it from the old state and a preview. */
import { isDeepStrictEqual } from "node:util";
import type { Recorded } from "./program";

/** Resources as `type name`, sorted; components, which no provider sees, are left out. */
export interface Edits {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly replaced: readonly string[];
  readonly deleted: readonly string[];
  /** How many are left alone. */
  readonly untouched: number;
}

/**
 * Inputs whose change makes the provider replace a resource, by type: their names, or what says them for the inputs that the resource has now. A type
 * that is not listed is only ever updated.
 */
export type ReplacingInputs = Readonly<
  Record<string, readonly string[] | ((inputs: Readonly<Record<string, unknown>>) => readonly string[])>
>;

const label = ({ type, name }: Recorded): string => `${type} ${name}`;

/** True when one of the option's paths is this input as a whole. */
function names(paths: readonly string[], input: string): boolean {
  const nested = paths.find((path) => /[.[]/.test(path));
  if (nested !== undefined) {
    throw new Error(`${nested}: paths inside an input are not compared here`);
  }
  return paths.includes(input) || paths.includes("*");
}

/**
 * Inputs that differ, also those that come from a resource that is replaced: its outputs are not known before there is a new one.
 * `replaced` holds URNs.
 */
function changedInputs(before: Recorded, after: Recorded, replaced: ReadonlySet<string>): readonly string[] {
  const inputs = new Set([...Object.keys(before.inputs), ...Object.keys(after.inputs)]);
  return [...inputs].filter(
    (input) =>
      !names(after.ignoreChanges, input) &&
      (!isDeepStrictEqual(before.inputs[input], after.inputs[input]) ||
        (after.propertyDependencies[input] ?? []).some((urn) => replaced.has(urn))),
  );
}

/** Compares what a program asked for with what it asks for after an edit. */
export function editsOf(before: readonly Recorded[], after: readonly Recorded[], replacing: ReplacingInputs): Edits {
  const custom = (resources: readonly Recorded[]) =>
    new Map(resources.filter((one) => one.custom).map((one) => [one.urn, one]));
  const [old, now] = [custom(before), custom(after)];
  const both = [...now.values()].flatMap((wanted) => {
    const had = old.get(wanted.urn);
    return had ? [{ had, wanted }] : [];
  });

  const replaces = (wanted: Recorded, input: string): boolean => {
    const listed = replacing[wanted.type] ?? [];
    const inputs = typeof listed === "function" ? listed(wanted.inputs) : listed;
    return inputs.includes(input) || names(wanted.replaceOnChanges, input);
  };
  const replaced = new Set<string>();
  // A replacement changes the inputs of what depends on it, which may be replaced in turn.
  for (let size = -1; size !== replaced.size;) {
    size = replaced.size;
    for (const { had, wanted } of both) {
      if (changedInputs(had, wanted, replaced).some((input) => replaces(wanted, input))) {
        replaced.add(wanted.urn);
      }
    }
  }
  const updated = both.filter(
    ({ had, wanted }) => !replaced.has(wanted.urn) && changedInputs(had, wanted, replaced).length > 0,
  );
  const listed = (resources: Iterable<Recorded>) => [...resources].map(label).sort();
  return {
    created: listed([...now.values()].filter(({ urn }) => !old.has(urn))),
    updated: listed(updated.map(({ wanted }) => wanted)),
    replaced: listed([...now.values()].filter(({ urn }) => replaced.has(urn))),
    deleted: listed([...old.values()].filter(({ urn }) => !now.has(urn))),
    untouched: both.length - updated.length - replaced.size,
  };
}

/** Words for values that do not fit a schema. */

/**
 * The value that stands at `path` inside `root`.
 * @returns undefined when there is none
 */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    root,
  );
}

/** What stands there, as the second part of a sentence: `is missing`, `is "x"`; at most 83 characters. */
export function shown(value: unknown): string {
  if (value === undefined) {
    return "is missing";
  }
  const text = JSON.stringify(value);
  return text.length > 80 ? `is ${text.slice(0, 77)}...` : `is ${text}`;
}

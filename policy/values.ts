/** Reads inputs whose types nobody vouches for; a secret is plain text here already. */

/** The properties of an object; none of anything else. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** The members of a list; a value that is none counts as one, because policy documents may leave out the brackets. */
export function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) {
    return [];
  }
  return Array.isArray(value) ? value : [value];
}

/** The texts of a list. */
export function texts(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === "string");
}

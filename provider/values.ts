/**
 * Values as they travel between Pulumi's engine and a provider: a secret is wrapped in an object with a signature, and
 * a value that a preview does not know yet is a magic string.
 */
import { isDeepStrictEqual } from "node:util";

/** A resource's properties, by name. */
export type Bag = Readonly<Record<string, unknown>>;

const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** What the engine sends for a value that only the update will know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Wraps a value so that the engine encrypts it in the state and hides it in its output. */
export function secret(value: unknown): Bag {
  return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value };
}

/** Whether a value is a secret, or holds one anywhere inside. */
export function holdsSecret(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.some(holdsSecret);
  }
  if (!isRecord(value)) {
    return false;
  }
  return (
    value[SIGNATURE_KEY] === SECRET_SIGNATURE ||
    (value[SIGNATURE_KEY] === OUTPUT_SIGNATURE && value["secret"] === true) ||
    Object.values(value).some(holdsSecret)
  );
}

/** The plain value inside any wrapping, at every depth. */
export function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(unwrap);
  }
  if (!isRecord(value)) {
    return value;
  }
  if (value[SIGNATURE_KEY] === SECRET_SIGNATURE) {
    return unwrap(value["value"]);
  }
  if (value[SIGNATURE_KEY] === OUTPUT_SIGNATURE) {
    return "value" in value ? unwrap(value["value"]) : UNKNOWN;
  }
  return unwrapBag(value);
}

/** {@link unwrap} for a whole property bag. Absent and null properties are left out. */
export function unwrapBag(bag: unknown): Bag {
  if (!isRecord(bag)) {
    return {};
  }
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(bag)) {
    if (value !== undefined && value !== null) {
      plain[key] = unwrap(value);
    }
  }
  return plain;
}

/** The names of the properties that are, or hold, a secret. */
export function secretKeys(bag: unknown): Set<string> {
  return new Set(isRecord(bag) ? Object.keys(bag).filter((key) => holdsSecret(bag[key])) : []);
}

/** Wraps the named properties of a plain bag as secrets and drops undefined ones, which the engine cannot take. */
export function wrapBag(bag: Bag, secrets: ReadonlySet<string>): Bag {
  const wrapped: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(bag)) {
    if (value !== undefined) {
      wrapped[key] = secrets.has(key) ? secret(value) : value;
    }
  }
  return wrapped;
}

/** Whether a plain value is unknown, or holds something unknown anywhere inside. */
export function holdsUnknown(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.some(holdsUnknown);
  }
  return isRecord(value) ? Object.values(value).some(holdsUnknown) : value === UNKNOWN;
}

/** The named properties whose values differ between two plain bags. */
export function changedKeys(olds: Bag, news: Bag, keys: Iterable<string>): string[] {
  return [...keys].filter((key) => !isDeepStrictEqual(olds[key], news[key]));
}

import { z } from "zod";
import { nearest } from "../core/nearest";
import { shown, valueAt } from "../core/problems";

const keyOf = (path: readonly PropertyKey[]): string => `webinfra:${path.map(String).join(".")}`;

/** What stands for a wrong container; scalars say themselves what they should be. */
function container(expected: string, keys: readonly string[]): string | undefined {
  if (expected === "array") {
    return "should be a list";
  }
  if (expected === "object" && keys.length > 0) {
    return `should hold keys: ${[...keys].sort().join(", ")}`;
  }
  return expected === "object" || expected === "record" ? "should hold names and values" : undefined;
}

function describe(
  issue: z.core.$ZodIssue,
  root: unknown,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const known = keysAt(issue.path);
      const near = nearest(key, known);
      return `${keyOf([...issue.path, key])} is no key that webinfra knows: ${near ? `did you mean ${near}?` : `known are ${[...known].sort().join(", ")}`}`;
    });
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map((inner) => `${keyOf(issue.path)}: the name ${inner.message}`);
  }
  const value = valueAt(root, issue.path);
  const right = issue.code === "invalid_type" ? container(issue.expected, keysAt(issue.path)) : undefined;
  const near =
    issue.code === "invalid_value" && typeof value === "string" ? nearest(value, issue.values.map(String)) : undefined;
  const suggestion = near === undefined ? "" : `; did you mean "${near}"?`;
  return [`${keyOf(issue.path)} ${shown(value)}: ${right ?? issue.message}${suggestion}`];
}

/** The keys of the object schema that stands at `path` below `schema`. */
function keysOf(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: z.core.$ZodType = schema;
  const unwrap = () => {
    while (current instanceof z.ZodDefault || current instanceof z.ZodPrefault || current instanceof z.ZodOptional) {
      current = current.unwrap();
    }
  };
  for (const key of path) {
    unwrap();
    if (current instanceof z.ZodObject) {
      const next: z.core.$ZodType | undefined = (current.shape as Record<string, z.core.$ZodType>)[String(key)];
      if (!next) {
        return [];
      }
      current = next;
    } else if (current instanceof z.ZodArray) {
      current = current.element;
    } else {
      return [];
    }
  }
  unwrap();
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Turns zod's issues into problems: one line each, with the key, its value and what would be right. */
export function problemsOf(
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
): readonly string[] {
  return [...new Set(issues.flatMap((issue) => describe(issue, root, (path) => keysOf(schema, path))))];
}

/** Which keys a stack's file may have. A key that nobody reads is a mistake, and is said to be one before anything happens. */
import { nearest } from "../core/nearest";
import { configSchema } from "./schema";

/** What a stack's file has at its top; all but `config` is Pulumi's. */
export const stackFileSections = [
  "config",
  "encryptionsalt",
  "encryptedkey",
  "secretsprovider",
  "environment",
] as const;

/** Namespaces that are long enough for a slip of the finger to show. Any other one may belong to a provider of the user's own. */
const namespaces = ["webinfra", "digitalocean"] as const;

const own = Object.keys(configSchema.shape);

/** What is wrong with the top of a stack's file, one line a problem. */
export function sectionProblems(sections: readonly string[]): readonly string[] {
  return sections
    .filter((section) => !stackFileSections.some((known) => known === section))
    .map((section) => {
      if (section.includes(":")) {
        return `${section} stands beside config: should stand below it`;
      }
      const near = nearest(section, stackFileSections);
      const right = near === undefined ? `known are ${stackFileSections.join(", ")}` : `did you mean ${near}?`;
      return `${section} is no section of a stack file: ${right}`;
    });
}

/**
 * What is wrong with the keys below `config`, one line a problem. Keys of ours are checked with their values.
 * @param keys such as `webinfra:web`
 */
export function keyProblems(keys: readonly string[]): readonly string[] {
  return keys.flatMap((key) => {
    const [namespace = "", name] = key.split(":");
    if (name === undefined) {
      const near = nearest(key, own);
      return [
        near === key
          ? `${key} has no namespace: should be webinfra:${key}`
          : `${key} has no namespace: ${near === undefined ? `should have one, such as webinfra:web` : `did you mean webinfra:${near}?`}`,
      ];
    }
    const near = nearest(namespace, namespaces);
    return near === undefined || near === namespace ? [] : [`${key} is read by nobody: did you mean ${near}:${name}?`];
  });
}

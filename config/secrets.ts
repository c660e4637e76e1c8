import { z } from "zod";
import { addressToken } from "../services/address";
import { Config } from "./schema";

/** Whether a text cannot be an environment variable. */
export const holdsControlCharacter = (text: string): boolean => /[^\P{Cc}\t\n]/u.test(text);

const stringsByName = z.record(z.string(), z.string());

/**
 * What is wrong with `webinfra:secrets`, one line a problem; says names, never a value.
 * @param names those that `app.secrets` wants
 * @param values what stands under `webinfra:secrets`
 */
export function secretProblems(names: readonly string[], values: unknown): readonly string[] {
  const held = stringsByName.safeParse(values);
  if (!held.success) {
    return [
      "webinfra:secrets should hold names and texts: set each by its name, such as with `webinfra secrets set API_TOKEN`",
    ];
  }
  return names.flatMap((name) => {
    const value = Object.hasOwn(held.data, name) ? held.data[name] : undefined;
    if (value === undefined) {
      return [
        `webinfra:app.secrets names "${name}", which webinfra:secrets does not hold: run \`webinfra secrets set ${name}\``,
      ];
    }
    // systemd drops a variable with a control character in it, and says so only in the journal.
    return holdsControlCharacter(value)
      ? [
          `webinfra:secrets.${name} holds a control character, which an environment variable cannot: set it again without (or encode it)`,
        ]
      : [];
  });
}

/** What is wrong with the secrets that a platform itself needs, one line a problem; says names, never a value. */
export function platformSecretProblems(platform: Config["platform"], values: unknown): readonly string[] {
  if (platform !== "digitalocean" || stringsByName.safeParse(values).data?.[addressToken.name]) {
    return [];
  }
  return [
    `webinfra:secrets does not hold "${addressToken.name}", with which balancers take over the reserved address: make a token with the scopes ` +
      `reserved_ip:read, reserved_ip:update, actions:read, droplet:read, regions:read, sizes:read and image:read, and run \`webinfra secrets set ${addressToken.name}\``,
  ];
}

/** The value of `webinfra:secrets` as it was set; undefined when it is not JSON. */
export function decodeSecrets(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "{}");
  } catch {
    // Not the parser's words: they quote the text.
    return undefined;
  }
}

import { ConfigError } from "../core/config-error";
import { problemsOf } from "./errors";
import { Config, configSchema } from "./schema";
import { decodeSecrets, platformSecretProblems, secretProblems } from "./secrets";

/** What stands in a stack's configuration: the key without `webinfra:`, and its text (structured values are JSON). */
export type RawConfig = Readonly<Record<string, string>>;

const looksLikeJson = /^\s*[[{]/;

/** Pulumi hands out structured values as JSON text and scalars as they were typed. */
function decode(key: string, text: string, problems: string[]): unknown {
  if (!looksLikeJson.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    problems.push(`webinfra:${key} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/**
 * Checks a stack's raw configuration and fills in the defaults.
 * @param raw every `webinfra:` key of the stack
 * @param secretKeys keys that Pulumi marks as secret
 * @throws ConfigError with every problem at once
 */
export function parseConfig(raw: RawConfig, secretKeys: readonly string[] = []): Config {
  const misplaced = secretKeys.filter((key) => key !== "secrets");
  const problems = misplaced.map(
    (key) =>
      `webinfra:${key} holds a secret: put it under webinfra:secrets, which alone is kept secret, and name it where it is used`,
  );
  const input: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(raw)) {
    if (key === "secrets" || misplaced.includes(key)) {
      continue;
    }
    input[key] = decode(key, text, problems);
  }
  const unread = new Set([...misplaced, ...Object.keys(input).filter((key) => input[key] === undefined)]);
  const result = configSchema.safeParse(input);
  if (!result.success) {
    // What could not be read at all has its line already.
    const issues = result.error.issues.filter(({ path: [key] }) => key === undefined || !unread.has(String(key)));
    problems.push(...problemsOf(configSchema, issues, input));
  } else {
    const { app, platform } = result.data;
    const values = decodeSecrets(raw.secrets);
    problems.push(...secretProblems(app.secrets, values), ...platformSecretProblems(platform, values));
  }
  if (!result.success || problems.length > 0) {
    throw new ConfigError(problems);
  }
  const { secrets: _unread, ...config } = result.data;
  return config;
}

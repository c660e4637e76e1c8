import * as pulumi from "@pulumi/pulumi";
import * as runtimeState from "@pulumi/pulumi/runtime/state";
import { z } from "zod";
import { ConfigError } from "../core/config-error";
import { keyProblems } from "./keys";
import { parseConfig } from "./parse";
import { Config } from "./schema";

/** What the program learns from the stack: the checked configuration, and the secrets apart from it. */
export interface LoadedConfig {
  readonly config: Config;
  /** Values of `webinfra:secrets`, by name; secret. */
  readonly secrets: pulumi.Output<Readonly<Record<string, string>>>;
}

const namespace = "webinfra:";

/** The SDK has this but leaves it out of its typings; it is the one place that says which keys are secret, inline and in a plain run. */
const sdkState = z.object({
  getStore: z.custom<() => { readonly config: Readonly<Record<string, string | undefined>> }>(
    (value) => typeof value === "function",
  ),
});

/** Names of the keys that hold a secret; the engine hands them over beside the values. */
function secretKeys(): readonly string[] {
  const text = sdkState.parse(runtimeState).getStore().config.PULUMI_CONFIG_SECRET_KEYS;
  return text ? z.array(z.string()).parse(JSON.parse(text)) : [];
}

const withoutNamespace = (key: string): string => key.slice(namespace.length);

/**
 * The only reader of the stack's configuration.
 * @throws ConfigError with every problem at once
 */
export function loadConfig(): LoadedConfig {
  const strays = keyProblems(Object.keys(pulumi.runtime.allConfig()));
  if (strays.length > 0) {
    throw new ConfigError(strays);
  }
  const raw = Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(namespace))
      .map(([key, text]) => [withoutNamespace(key), text]),
  );
  const secret = secretKeys()
    .filter((key) => key.startsWith(namespace))
    .map(withoutNamespace);
  const config = parseConfig(raw, secret);
  return {
    config,
    secrets: pulumi.secret(new pulumi.Config("webinfra").getSecretObject<Record<string, string>>("secrets") ?? {}),
  };
}

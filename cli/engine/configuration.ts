/** The checked configuration of a stack's file, without Pulumi. */
import { z } from "zod";
import { parseConfig, type RawConfig } from "../../config/parse";
import type { Config } from "../../config/schema";
import { addressToken } from "../../services/address";
import { applyOverrides, isSecret, type StackSettings } from "./stackfile";
import type { Override } from "./workfolder";

const namespace = "webinfra:";

const appSchema = z.object({ secrets: z.array(z.string()) });

/**
 * The checked configuration of a stack's file. Its secrets are encrypted there and say nothing of the topology: they are
 * taken to be given.
 * @throws ConfigError with every problem at once
 */
export function configOf(settings: StackSettings, overrides: readonly Override[] = []): Config {
  const config = applyOverrides(settings.config ?? {}, overrides);
  const wanted = appSchema.safeParse(config["webinfra:app"]).data?.secrets ?? [];
  const values: Readonly<Record<string, unknown>> = {
    ...config,
    "webinfra:secrets": Object.fromEntries([...wanted, addressToken.name].map((name) => [name, "encrypted"])),
  };
  const entries = Object.entries(values).filter(([key, value]) => key.startsWith(namespace) && value !== undefined);
  const raw: RawConfig = Object.fromEntries(
    entries.map(([key, value]) => [
      key.slice(namespace.length),
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const secret = entries.filter(([, value]) => isSecret(value)).map(([key]) => key.slice(namespace.length));
  return parseConfig(raw, secret);
}

/** Runs the bundled program for each platform and prints what the engine would be asked. For another Node than the tests' own. */
import { createRequire } from "node:module";
import { z } from "zod";
import type source from "../../index";
import { platformNames } from "../../platforms/schema";
import { devRawConfig, digitaloceanSecrets } from "./hosts";
import { type Recorded, runProgram } from "./program";

const called = <T>() => z.custom<T>((value) => typeof value === "function");
const launcher = z.object({ load: called<(name: string) => Promise<unknown>>() });

/** The bundled program. */
export async function bundledProgram(): Promise<typeof source> {
  const { load } = launcher.parse(createRequire(__filename)("../../launch/bundle.cjs"));
  return called<typeof source>().parse(await load("program"));
}

/** What a program asks for on a platform, in an order of its own. */
export async function askedOn(
  platform: (typeof platformNames)[number],
  program: typeof source,
): Promise<readonly Recorded[]> {
  const config = devRawConfig({ platform, ...(platform === "digitalocean" && digitaloceanSecrets) });
  return [...(await runProgram(program, { config }))].sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

async function main(): Promise<void> {
  const program = await bundledProgram();
  const asked: Record<string, readonly Recorded[]> = {};
  for (const platform of platformNames) {
    asked[platform] = await askedOn(platform, program);
  }
  process.stdout.write(JSON.stringify(asked));
}

if (require.main === module) {
  void main();
}

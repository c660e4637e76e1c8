/** `webinfra dev`: releases the application's folder whenever it changes. */
import type { CommandDescription, Invocation } from "../command";
import { configFileOption, configOptions, type ConfigOptions } from "../options";

export const devCommand: CommandDescription = {
  name: "dev",
  description: "watch the application's folder, and put each change on the hosts in about a second; on incus",
  stack: true,
  options: [...configOptions.filter(({ long }) => long === "--config"), configFileOption],
  examples: [
    ["webinfra dev", "app.directory of the stack dev, until Ctrl-C"],
    ["webinfra dev --config app.directory=../shop/dist", "another folder, such as one that a build writes into"],
  ],
  async action({ context }: Invocation, { stack, ...options }: ConfigOptions) {
    const { dev } = await import("../engine/dev.js");
    const stop = new AbortController();
    const end = (): void => {
      stop.abort();
    };
    process.once("SIGINT", end).once("SIGTERM", end);
    // Whoever read it is gone.
    process.stdout.once("error", end);
    await dev(await context(false), stack, options, stop.signal);
  },
};

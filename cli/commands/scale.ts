/** `webinfra scale`: other counts of hosts, in the stack's file and on the site. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../../operations/suggest";
import { countKeys } from "../../topology/schema";
import type { CommandDescription, Invocation } from "../command";
import { configFileOption, type FileChoice } from "../options";

/** Reads one `key=count`. */
export function parseCount(argument: string, before: readonly string[] = []): readonly string[] {
  const [, key = "", count] = /^([^=]*)=(\d{1,3})$/.exec(argument) ?? [];
  if (count === undefined) {
    throw new InvalidArgumentError(`It must be a key and how many, such as web=3; keys: ${countKeys.join(", ")}.`);
  }
  if (!countKeys.includes(key)) {
    throw new InvalidArgumentError(
      `There is no count "${key}"${didYouMean(key, countKeys)}; keys: ${countKeys.join(", ")}.`,
    );
  }
  return [...before, argument];
}

export const scaleCommand: CommandDescription = {
  name: "scale",
  description: "change how many hosts there are: in the stack's file, and then on the site",
  arguments: [new Argument("<key=count...>", `how many; keys: ${countKeys.join(", ")}`).argParser(parseCount)],
  stack: true,
  options: [new Option("--yes", "do not ask before hosts are deleted"), configFileOption],
  examples: [
    ["webinfra scale web=3", "a third web server, also after the next `webinfra up`"],
    ["webinfra scale web=2 replicas=0 --yes", "fewer hosts, and asks nothing"],
  ],
  async action(
    { context: contextOf }: Invocation,
    counts: readonly string[],
    options: FileChoice & { readonly yes?: boolean },
  ) {
    const [{ editStackFile, fileToEdit }, { parseOverride }, { up }] = await Promise.all([
      import("../engine/edit.js"),
      import("../engine/stackfile.js"),
      import("../engine/up.js"),
    ]);
    const context = await contextOf(false);
    const changes = counts.map((count) => parseOverride(count, count));
    const file = fileToEdit(context, options.stack, options.configFile);
    await up(context, options.stack, {
      ...options,
      config: changes,
      keep: () => {
        editStackFile(file, changes);
        context.output.progress(`${file} says ${counts.join(", ")} now`);
      },
    });
  },
};

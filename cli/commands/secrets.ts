/** `webinfra secrets`: what the stack's file keeps encrypted. */
import { Argument } from "commander";
import type { CommandDescription, Invocation } from "../command";
import { configFileOption, type FileChoice } from "../options";

const setCommand: CommandDescription = {
  name: "set",
  description: "set a secret: asks for it, or reads it from standard input; never an argument, which others could see",
  arguments: [new Argument("<name>", "the name that webinfra:app.secrets lists, such as API_TOKEN")],
  stack: true,
  options: [configFileOption],
  examples: [
    ["webinfra secrets set API_TOKEN", "asks, and shows nothing of what is typed"],
    ["webinfra secrets set API_TOKEN --stack prod < token.txt", "from a file"],
  ],
  async action({ context }: Invocation, name: string, options: FileChoice) {
    const { setSecret } = await import("../engine/secrets.js");
    await setSecret(await context(false), options.stack, name, options.configFile);
  },
};

export const secretsCommand: CommandDescription = {
  name: "secrets",
  description: "set what the stack keeps encrypted",
  examples: [["webinfra secrets set API_TOKEN", "asks, and shows nothing of what is typed"]],
  commands: [setCommand],
};

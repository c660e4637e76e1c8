/** `webinfra secrets`: what the stack's file keeps encrypted. */
import { Argument, Option } from "commander";
import type { CommandDescription, Invocation, StackChoice } from "../command";

const setCommand: CommandDescription = {
  name: "set",
  description: "set a secret: asks for it, or reads it from standard input; never an argument, which others could see",
  arguments: [new Argument("<name>", "the name that webinfra:app.secrets lists, such as API_TOKEN")],
  stack: true,
  options: [new Option("--config-file <file>", "a stack file instead of the repository's Pulumi.<stack>.yaml")],
  examples: [
    ["webinfra secrets set API_TOKEN", "asks, and shows nothing of what is typed"],
    ["webinfra secrets set API_TOKEN --stack prod < token.txt", "from a file"],
  ],
  async action({ context }: Invocation, name: string, options: StackChoice & { readonly configFile?: string }) {
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

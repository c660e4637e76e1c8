/** `webinfra completion`: the script that teaches a shell to complete the command line. */
import { Argument } from "commander";
import type { CommandDescription, Invocation } from "../command";
import { completionScript, type Shell, shells } from "../completion";

export const completionCommand: CommandDescription = {
  name: "completion",
  description: "print the script that teaches a shell to complete this command",
  arguments: [new Argument("<shell>", "the shell").choices(shells)],
  examples: [
    ["source <(webinfra completion bash)", "in ~/.bashrc"],
    ["source <(webinfra completion zsh)", "in ~/.zshrc, after compinit"],
    ["webinfra completion fish | source", "in ~/.config/fish/config.fish"],
  ],
  async action({ context }: Invocation, shell: Shell) {
    (await context(false)).output.raw(completionScript(shell).trimEnd());
  },
};

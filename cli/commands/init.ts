/** `webinfra init`: a project of the user's own. */
import { Option } from "commander";
import type { CommandDescription, Invocation } from "../command";

export const initCommand: CommandDescription = {
  name: "init",
  description: "make this folder, into which webinfra was installed, a project with a site of its own",
  options: [
    new Option("--app <folder>", "the application's folder (default: the guestbook that comes along)"),
    new Option("--platform <name>", "where production runs: incus, aws or digitalocean (default: incus)"),
    new Option("--yes", "ask nothing"),
  ],
  examples: [
    ["npm install webinfra && npx webinfra init", "asks for the application's folder and the platform"],
    ["npx webinfra init --app shop --platform aws --yes", "asks nothing"],
  ],
  async action(
    { context }: Invocation,
    options: { readonly app?: string; readonly platform?: string; readonly yes?: boolean },
  ) {
    const { init } = await import("../engine/init.js");
    const { output, packageFolder } = await context(false);
    await init(output, process.cwd(), packageFolder, options);
  },
};

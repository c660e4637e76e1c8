/** `webinfra open`: the site in a browser. */
import { spawn } from "node:child_process";
import { Option } from "commander";
import { UserError } from "../../core/errors";
import { isLocal } from "../../operations/platforms";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import type { Environment } from "../engine/backend";
import { accessOn } from "../engine/site";
import { platformOf, stackFacts, stateOnDisk } from "../engine/stack";
import { fileFor, readSettings } from "../engine/stackfile";
import { plainOutput } from "../engine/state";
import { jsonOption } from "../options";

/** The command that opens a URL here; undefined when there is no display to open it on. */
export function openerCommand(environment: Environment, platform: NodeJS.Platform): string | undefined {
  if (platform === "darwin") {
    return "open";
  }
  return environment["DISPLAY"] || environment["WAYLAND_DISPLAY"] ? "xdg-open" : undefined;
}

/** The site's address: the stack's output, or the balancer's when a failed run emptied the outputs. */
async function siteUrl(context: CommandContext, name: string): Promise<string> {
  const facts = stackFacts(context, name);
  const known = plainOutput(stateOnDisk(facts), "url");
  if (known !== undefined) {
    return known;
  }
  const settings = readSettings(fileFor({ root: context.root, home: facts.home, stack: name, advice: "names" }));
  const platform = platformOf(settings);
  const machines = isLocal(platform) ? await (await accessOn(platform, facts, "open")).machines() : [];
  const balancer = machines.find(({ roles, address }) => roles.includes("loadBalancer") && address !== null);
  if (balancer === undefined) {
    throw new UserError(`the stack "${name}" has no site to open; \`webinfra up --stack ${name}\` brings it up`);
  }
  return `http://${balancer.address ?? ""}`;
}

function start(command: string, url: string): Promise<boolean> {
  const child = spawn(command, [url], { stdio: "ignore", detached: true });
  return new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.on("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

/** Prints the site's address, and opens it in a browser where there is a display. */
export async function open(
  context: CommandContext,
  name: string,
  options: { readonly print?: boolean },
): Promise<void> {
  const { output, environment } = context;
  const url = await siteUrl(context, name);
  output.raw(url);
  const command = options.print === true ? undefined : openerCommand(environment, process.platform);
  const opened = command !== undefined && (await start(command, url));
  if (command !== undefined && !opened) {
    output.problem(`${command} is not installed: open the address yourself`);
  }
  output.data({ stack: name, url, opened });
}

export const openCommand: CommandDescription = {
  name: "open",
  description: "print the site's address, and open it in a browser where there is a display",
  stack: true,
  options: [new Option("--print", "only print the address"), jsonOption("print it as JSON")],
  examples: [
    ["webinfra open", "in the browser"],
    ['curl "$(webinfra open --print)"', "its address for a script"],
  ],
  async action(
    { context }: Invocation,
    { stack, ...options }: StackChoice & { readonly print?: boolean; readonly json?: boolean },
  ) {
    await open(await context(options.json === true), stack, options);
  },
};

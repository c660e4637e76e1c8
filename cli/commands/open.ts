/** `webinfra open`: the site in a browser. */
import { spawn } from "node:child_process";
import type { Environment } from "../backend";
import { UserError } from "../errors";
import { stackMachines } from "../incus";
import { platformOf, stackFacts, stateOnDisk, type Surroundings } from "../stack";
import { fileFor, readSettings } from "../stackfile";
import { plainOutput } from "../state";

/** The command that opens a URL here; undefined when there is no display to open it on. */
export function openerCommand(environment: Environment, platform: NodeJS.Platform): string | undefined {
  if (platform === "darwin") {
    return "open";
  }
  return environment["DISPLAY"] || environment["WAYLAND_DISPLAY"] ? "xdg-open" : undefined;
}

/** The site's address: the stack's output, or the balancer's when a failed run emptied the outputs. */
async function siteUrl(surroundings: Surroundings, name: string): Promise<string> {
  const facts = stackFacts(surroundings, name);
  const known = plainOutput(stateOnDisk(facts), "url");
  if (known !== undefined) {
    return known;
  }
  const settings = readSettings(fileFor(surroundings.root, facts.home, name));
  const machines = platformOf(settings) === "incus" ? await stackMachines(name) : [];
  const balancer = machines.find(({ roles, address }) => roles.includes("loadBalancer") && address !== null);
  if (balancer === undefined) {
    throw new UserError(`the stack "${name}" has no site to open; \`webinfra up ${name}\` brings it up`);
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
  surroundings: Surroundings,
  name: string,
  options: { readonly print?: boolean },
): Promise<void> {
  const { output, environment } = surroundings;
  const url = await siteUrl(surroundings, name);
  output.result(url);
  const command = options.print === true ? undefined : openerCommand(environment, process.platform);
  const opened = command !== undefined && (await start(command, url));
  if (command !== undefined && !opened) {
    output.problem(`${command} is not installed: open the address yourself`);
  }
  output.data({ stack: name, url, opened });
}

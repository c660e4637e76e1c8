/** A stack's site as operations reach it, from what is known of the stack on this machine. Starts no Pulumi process. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { SiteAccess } from "../../operations/access/types";
import type { KnownMachine } from "../../operations/machines";
import { localPlatform } from "../../operations/platforms";
import { siteStatus, type SiteStatus } from "../../operations/status";
import type { CommandContext } from "../context";
import { channelDirectory, platformOf, stackFacts, type StackFacts, stateOnDisk } from "./stack";
import { readSettings, sourceFile } from "./stackfile";
import { workFile } from "./workfolder";
import { knownMachines, plainOutput, stackOutput } from "./state";

/** The way to a stack's machines, and those that its state knows. */
export interface StackSite {
  readonly access: SiteAccess;
  readonly known: readonly KnownMachine[];
}

/** The platform that a stack was last brought up on, else that of its file, else this machine's. */
export function lastPlatform(context: CommandContext, facts: StackFacts): string {
  const file = [workFile(facts.home, facts.name), join(context.root, `Pulumi.${facts.name}.yaml`)].find((path) =>
    existsSync(path),
  );
  return (
    plainOutput(stateOnDisk(facts), "platform") ?? (file === undefined ? localPlatform : platformOf(readSettings(file)))
  );
}

/** The way to a stack's machines on a platform. @param operation as the user calls it */
export async function accessOn(platform: string, facts: StackFacts, operation: string): Promise<SiteAccess> {
  // Slow to load, and every command waits for this file.
  const { siteAccess } = await import("../../operations/access/index.js");
  return siteAccess({ stack: facts.name, platform, channelDirectory: channelDirectory(facts) }, operation);
}

/**
 * The site of a stack.
 * @param operation as the user calls it: a platform that it does not know is refused in its name
 */
export async function siteOf(context: CommandContext, name: string, operation: string): Promise<StackSite> {
  const facts = stackFacts(context, name);
  return {
    access: await accessOn(lastPlatform(context, facts), facts, operation),
    known: knownMachines(stateOnDisk(facts)),
  };
}

/**
 * The site of a stack, for what is done on a host of it: where there are no machines, because there is no such stack at all, that is said.
 * @param operation as for {@link siteOf}
 */
export async function siteWithHosts(context: CommandContext, name: string, operation: string): Promise<StackSite> {
  const { access, known } = await siteOf(context, name, operation);
  const machines = async (): ReturnType<SiteAccess["machines"]> => {
    const found = await access.machines();
    if (found.length === 0 && stateOnDisk(stackFacts(context, name)) === undefined) {
      const { home } = stackFacts(context, name);
      sourceFile({ root: context.root, home, stack: name, advice: "names" });
    }
    return found;
  };
  return { access: { ...access, machines }, known };
}

function configured(
  context: CommandContext,
  name: string,
  home: string,
): { readonly platform: string; readonly topology: string | null } {
  const copy = workFile(home, name);
  const file = existsSync(copy) ? copy : sourceFile({ root: context.root, home, stack: name, advice: "names" });
  const settings = readSettings(file);
  const topology = settings.config?.["webinfra:topology"];
  return { platform: platformOf(settings), topology: typeof topology === "string" ? topology : null };
}

/** What is read of the output `hosts`; an update of the version before left no definitions. */
const hostsOutput = z.array(z.object({ name: z.string(), definition: z.string() }));

/** Asks a stack's hosts how they are. Needs no stack outputs: a failed run can empty them. */
export async function stackStatus(context: CommandContext, name: string): Promise<SiteStatus> {
  const facts = stackFacts(context, name);
  const config = configured(context, name, facts.home);
  const state = stateOnDisk(facts);
  const { access, known } = await siteOf(context, name, "status");
  const hosts = hostsOutput.safeParse(stackOutput(state, "hosts")).data ?? [];
  const definitions = new Map(hosts.map(({ name: host, definition }) => [host, definition]));
  const last = {
    platform: plainOutput(state, "platform") ?? config.platform,
    topology: plainOutput(state, "topology") ?? config.topology,
    url: plainOutput(state, "url") ?? null,
  };
  return siteStatus(access, known, last, definitions);
}

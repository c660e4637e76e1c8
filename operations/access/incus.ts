/** A site on this machine's Incus: its machines are asked over their bridge, and its channel is a directory. */
import { connect } from "node:net";
import { instanceAddress, listInstances, PROJECT } from "../../provider/incus";
import { byHost, type HostMachine } from "../machines";
import { askAgent } from "./agent";
import { directoryChannel, directoryReleases } from "./directory";
import type { SiteAccess, SiteAddress } from "./types";

/** The stack's machines, by host and then machine. While a replacement runs, a host has two. */
export async function stackMachines(stack: string): Promise<HostMachine[]> {
  const instances = await listInstances(stack);
  const machines = await Promise.all(
    instances.map(async ({ name, host, roles, status }) => {
      const running = status === "Running";
      return { host, machine: name, roles, running, address: running ? ((await instanceAddress(name)) ?? null) : null };
    }),
  );
  return machines.sort(byHost);
}

/** Arguments of the incus client that run a command in a machine. */
export function execArguments(machine: string, command: readonly string[]): string[] {
  return ["exec", "--project", PROJECT, machine, "--", ...command];
}

/** The access to a stack's site on Incus. */
export function incusAccess({ stack, channelDirectory }: Omit<SiteAddress, "platform">): SiteAccess {
  return {
    stack,
    machines: () => stackMachines(stack),
    state: askAgent,
    command: ({ machine }, argv) => ({
      program: "incus",
      arguments: execArguments(machine, argv),
      missing: "the incus client is not installed; run `npm run setup`",
    }),
    // The bridge is this machine's own.
    connect: ({ address }, port) => connect(port, address ?? ""),
    channel: directoryChannel(channelDirectory, stack),
    releases: directoryReleases(channelDirectory, stack),
  };
}

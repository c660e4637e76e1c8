/** A stack's machines in Incus, for the commands that look at hosts or enter them. */
import { instanceAddress, listInstances } from "../provider/incus";
import { UserError } from "../core/errors";
import { didYouMean } from "./suggest";
import type { KnownMachine } from "./engine/state";

/** A host's machine. */
export interface HostMachine {
  /** The host's name, such as `web-1`. */
  readonly host: string;
  /** The machine's id, which is Incus's name of it. */
  readonly machine: string;
  readonly roles: readonly string[];
  readonly running: boolean;
  /** True when the stack's state knows the machine, but Incus does not have it: somebody deleted it. */
  readonly gone?: boolean;
  /** IPv4 address; null when it has none now. */
  readonly address: string | null;
}

function byHost(a: HostMachine, b: HostMachine): number {
  return a.host.localeCompare(b.host, "en", { numeric: true }) || a.machine.localeCompare(b.machine);
}

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

/** The machines, and those hosts of the state that have none any more, in the same order. */
export function withGone(machines: readonly HostMachine[], known: readonly KnownMachine[]): HostMachine[] {
  const gone = known
    .filter(({ host }) => !machines.some((machine) => machine.host === host))
    .map((machine) => ({ ...machine, running: false, gone: true, address: null }));
  return [...machines, ...gone].sort(byHost);
}

/**
 * The machine to enter for a host's name (or a machine's own): one that runs, if any.
 * @throws UserError that names the stack's hosts
 */
export function machineOf(machines: readonly HostMachine[], stack: string, host: string): HostMachine {
  const candidates = machines.filter((machine) => machine.host === host || machine.machine === host);
  const found = candidates.find(({ running }) => running) ?? candidates[0];
  if (found === undefined) {
    const known = [...new Set(machines.map((machine) => machine.host))];
    throw new UserError(
      `there is no host "${host}" in the stack "${stack}"${didYouMean(host, known)}; ` +
        (known.length === 0 ? `it has no hosts: \`webinfra up ${stack}\` makes them` : `hosts: ${known.join(", ")}`),
    );
  }
  if (!found.running) {
    throw new UserError(`the host "${host}" does not run; \`webinfra up ${stack}\` brings it back`);
  }
  return found;
}

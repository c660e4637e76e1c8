/** A stack's machines, for operations that look at hosts or enter them. */
import { HostError } from "./errors";
import { didYouMean } from "./suggest";

/** A host's machine. */
export interface HostMachine {
  /** The host's name, such as `web-1`. */
  readonly host: string;
  /** The machine's id, which is Incus's name of it. */
  readonly machine: string;
  readonly roles: readonly string[];
  readonly running: boolean;
  /** True when the stack's state knows the machine, but its platform does not have it: somebody deleted it. */
  readonly gone?: boolean;
  /** IPv4 address; null when it has none now. */
  readonly address: string | null;
}

/** A machine that the stack's state knows, whether it is still there or not. */
export type KnownMachine = Pick<HostMachine, "machine" | "host" | "roles">;

/** The order of machines: by host, `web-2` before `web-10`, and then machine. */
export function byHost(a: HostMachine, b: HostMachine): number {
  return a.host.localeCompare(b.host, "en", { numeric: true }) || a.machine.localeCompare(b.machine);
}

/** The machines, and those hosts of the state that have none any more, in the same order. */
export function withGone(machines: readonly HostMachine[], known: readonly KnownMachine[]): HostMachine[] {
  const gone = known
    .filter(({ host }) => !machines.some((machine) => machine.host === host))
    .map((machine) => ({ ...machine, running: false, gone: true, address: null }));
  return [...machines, ...gone].sort(byHost);
}

/** The error about a host that the stack does not have; names those that it has. */
export function unknownHost(machines: readonly HostMachine[], stack: string, host: string): HostError {
  const known = [...new Set(machines.map((machine) => machine.host))];
  return new HostError(
    `there is no host "${host}" in the stack "${stack}"${didYouMean(host, known)}; ` +
      (known.length === 0
        ? `it has no hosts: \`webinfra up --stack ${stack}\` makes them`
        : `hosts: ${known.join(", ")}`),
  );
}

/**
 * The machine to enter for a host's name (or a machine's own): one that runs, if any.
 * @throws HostError that names the stack's hosts
 */
export function machineOf(machines: readonly HostMachine[], stack: string, host: string): HostMachine {
  const candidates = machines.filter((machine) => machine.host === host || machine.machine === host);
  const found = candidates.find(({ running }) => running) ?? candidates[0];
  if (found === undefined) {
    throw unknownHost(machines, stack, host);
  }
  if (!found.running) {
    throw new HostError(`the host "${host}" does not run; \`webinfra up --stack ${stack}\` brings it back`);
  }
  return found;
}

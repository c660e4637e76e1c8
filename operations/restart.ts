/** Starting the application anew: one host after the other, each beside the one that runs. */
import { applicationLogTitle } from "../core/application-log";
import { listed } from "../core/words";
import type { HostCommand, SiteAccess } from "./access/types";
import { HostError, RestartFailedError } from "./errors";
import { type CommandEnd, endOf } from "./exec";
import { type HostMachine, machineOf } from "./machines";

/** How it goes. */
export type RestartEvent =
  | { readonly kind: "starts"; readonly host: string }
  | { readonly kind: "serves"; readonly host: string; readonly seconds: number };

/** What it came to; what `restart app --json` prints. */
export interface Restart {
  readonly stack: string;
  readonly hosts: readonly { readonly name: string; readonly seconds: number }[];
  readonly seconds: number;
}

/** What the operation needs of the process; tests put their own in. */
export interface RestartWorld {
  /** Runs a command on a host to its end. */
  readonly end: (command: HostCommand) => Promise<CommandEnd>;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** A host with an older package knows no such program. */
const START_ANEW = `package=/usr/local/lib/webinfra/current
if [ ! -e $package/webinfra/start_anew.py ]; then
  echo "this host has no host package yet, or an older one: \\\`webinfra up\\\` renews it" >&2
  exit 1
fi
exec $package/webinfra-host start-anew`;

/** @throws HostError when there is no such host, it runs no application, or a host does not run */
function machinesToRestart(machines: readonly HostMachine[], stack: string, host: string | undefined): HostMachine[] {
  const running = (machine: HostMachine): boolean => machine.roles.includes("appServer");
  const names = [...new Set(machines.filter(running).map((machine) => machine.host))];
  if (host === undefined) {
    if (names.length === 0) {
      throw new HostError(
        `no host of the stack "${stack}" runs an application: \`webinfra up --stack ${stack}\` makes its hosts`,
      );
    }
    return names.map((name) => machineOf(machines, stack, name));
  }
  const machine = machineOf(machines, stack, host);
  if (!running(machine)) {
    throw new HostError(
      `"${host}" runs no application (its roles: ${machine.roles.join(", ")}); hosts that do: ${names.join(", ") || "none"}`,
    );
  }
  return [machine];
}

/**
 * Starts the application anew on each host that runs it, one after the other. The new one serves before the old one is stopped.
 * @param host that host alone
 * @throws HostError, or RestartFailedError when one does not become healthy; the hosts after it are left alone
 */
export async function restartApplication(
  access: SiteAccess,
  host: string | undefined,
  listener: (event: RestartEvent) => void,
  { end, now }: RestartWorld = { end: endOf, now: () => performance.now() },
): Promise<Restart> {
  const { stack } = access;
  const machines = machinesToRestart(await access.machines(), stack, host);
  const begun = now();
  const done: { readonly name: string; readonly seconds: number }[] = [];
  for (const machine of machines) {
    const name = machine.host;
    const started = now();
    listener({ kind: "starts", host: name });
    const { code, stderr } = await end(access.command(machine, ["sh", "-c", START_ANEW]));
    if (code !== 0) {
      const [why = "", ...log] = stderr.trim().split("\n");
      const left = machines.slice(done.length + 1).map((one) => one.host);
      throw new RestartFailedError(
        [
          `the application was not started anew on ${name}, and goes on there as it was: ${why || `exit code ${String(code)}`}`,
          ...(log.length === 0 ? [] : [`${applicationLogTitle}:`, ...log.map((line) => `  ${line}`)]),
          ...(done.length === 0 ? [] : [`It was on ${listed(done.map((one) => one.name))}.`]),
          ...(left.length === 0 ? [] : [`Nothing was done on ${listed(left)}.`]),
        ].join("\n"),
      );
    }
    const seconds = (now() - started) / 1000;
    done.push({ name, seconds });
    listener({ kind: "serves", host: name, seconds });
  }
  return { stack, hosts: done, seconds: (now() - begun) / 1000 };
}

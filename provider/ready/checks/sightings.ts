/** Each web server that users' requests reach was seen serving through each balancer, with the wanted release. */
import type { Answer } from "../../probe";
import {
  type Ask,
  balancersOf,
  type ExpectedMachine,
  isShown,
  type MachineCheck,
  PAGE_MS,
  type Scene,
  shortRelease,
  throughAddress,
} from "./check";

export function sightingsCheck({ expectation }: Scene): MachineCheck {
  const { site, reach, release, machines } = expectation;
  const balancers = balancersOf(expectation);
  /** The release (or "") that each web machine last answered with, by the balancer's machine id, then its own. */
  const seen = new Map(balancers.map(({ machine }) => [machine, new Map<string, string>()]));

  const missing = (machine: ExpectedMachine, through: readonly ExpectedMachine[]): string | undefined => {
    if (!isShown(machine)) {
      return undefined;
    }
    for (const balancer of through) {
      const found = seen.get(balancer.machine)?.get(machine.machine);
      if (found === undefined) {
        return `not seen serving through ${balancer.name}`;
      }
      if (machine.roles.includes("appServer") && release !== "" && found !== release) {
        return `serves ${shortRelease(found)} through ${balancer.name}, not ${shortRelease(release)}`;
      }
    }
    return undefined;
  };
  const note = (answer: Answer, through: readonly ExpectedMachine[]): void => {
    // An error's answer also says which machine sent it, and shows nothing.
    if (answer.status !== 200) {
      return;
    }
    const { "x-machine": machine, "x-release": found = "" } = answer.headers;
    if (machine !== undefined) {
      through.forEach((balancer) => seen.get(balancer.machine)?.set(machine, found));
    }
  };
  /** Asks at `address` until each machine was seen, or enough was asked. Old machines take turns while they last. */
  const lookThrough = async (ask: Ask, address: string, through: readonly ExpectedMachine[]): Promise<void> => {
    const unseen = (): number => machines.filter((machine) => missing(machine, through) !== undefined).length;
    const { url, host } = throughAddress(site, address, "/-/host");
    // Round robin shows every machine once a turn.
    const tries = 2 * unseen();
    for (let count = 0; count < tries; count++) {
      const answer = await ask(url, { timeoutMs: PAGE_MS, host });
      note(answer, through);
      if (answer.status === undefined || unseen() === 0) {
        break;
      }
    }
  };

  return {
    async look(ask) {
      // What one balancer shows counts for whichever holds the address.
      await (reach === "public"
        ? lookThrough(ask, new URL(site).hostname, balancers)
        : Promise.all(balancers.map((balancer) => lookThrough(ask, balancer.address, [balancer]))));
    },
    missing: (machine) => missing(machine, balancers),
  };
}

/** Each balancer answers as itself. With reach `public` it is one for all: whichever holds the site's address. */
import type { Answer } from "../../probe";
import { balancersOf, type MachineCheck, type Scene, stranger, throughAddress } from "./check";

export function balancerCheck({ expectation }: Scene): MachineCheck {
  const { site, reach } = expectation;
  const balancers = balancersOf(expectation);
  const isPublic = reach === "public";
  /** By machine id. */
  const answers = new Map<string, Answer>();
  return {
    async look(ask) {
      if (isPublic) {
        const answer = await ask(new URL("/-/balancer", site).href);
        balancers.forEach(({ machine }) => answers.set(machine, answer));
        return;
      }
      await Promise.all(
        balancers.map(async ({ machine, address }) => {
          const { url, host } = throughAddress(site, address, "/-/balancer");
          answers.set(machine, await ask(url, { host }));
        }),
      );
    },
    missing({ machine, roles, address }) {
      if (!roles.includes("loadBalancer")) {
        return undefined;
      }
      const answer = answers.get(machine);
      if (answer === undefined) {
        return "its balancer was not asked yet";
      }
      if (answer.status === undefined) {
        return `its balancer does not answer (${answer.problem})`;
      }
      if (answer.status !== 200) {
        return `its balancer answers ${String(answer.status)}`;
      }
      const found = answer.headers["x-machine"];
      if (found === undefined) {
        return `what answers at ${isPublic ? "the site's address" : `its address ${address}`} is no balancer of this site`;
      }
      if (isPublic ? balancers.some((one) => one.machine === found) : found === machine) {
        return undefined;
      }
      return isPublic
        ? `the balancer at the site's address is still another machine (${found})`
        : stranger(found, address, " as the balancer");
    },
  };
}

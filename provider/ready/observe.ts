/** Looking at a site: its machines first, and the site itself once they are ready. */
import type { Answer } from "../probe";
import { machineChecks, siteChecks } from "./checks";
import type { Ask, Expectation, SiteCheck } from "./checks/check";
import type { Missing } from "./report";

const looks = (checks: readonly Pick<SiteCheck, "look">[], ask: Ask): Promise<void>[] =>
  checks.flatMap((check) => (check.look === undefined ? [] : [check.look(ask)]));

/** The first thing that one of the checks misses. */
const firstOf = <Check>(
  checks: readonly Check[],
  missing: (check: Check) => string | undefined,
): string | undefined => {
  for (const check of checks) {
    const reason = missing(check);
    if (reason !== undefined) {
      return reason;
    }
  }
  return undefined;
};

/**
 * @param agentPort where agents answer
 * @param agents gets the latest answer of each machine's agent, by machine id
 * @returns what looks once and tells all that is still missing. It remembers what it has seen: of what changes with each
 *   answer, such as an agent's, the latest counts; a machine that was seen through a balancer stays seen.
 */
export function observer(
  expectation: Expectation,
  agentPort: number,
  agents = new Map<string, Answer>(),
): (ask: Ask) => Promise<Missing[]> {
  const scene = { expectation, agents };
  const ofMachines = machineChecks.map((make) => make(scene));
  const ofSite = siteChecks.map((make) => make(scene));
  const asked = expectation.reach === "public" ? [] : expectation.machines;
  return async (ask) => {
    await Promise.all([
      ...asked.map(async ({ machine, address }) => {
        agents.set(machine, await ask(`http://${address}:${String(agentPort)}/state`));
      }),
      ...looks(ofMachines, ask),
    ]);
    const missed = expectation.machines.flatMap((machine) => {
      const ends = ofMachines.filter((check) => check.final?.(machine) === true);
      const final = ends.length > 0;
      // What waiting does not bring is the cause of what else is missing.
      const reason = firstOf(final ? ends : ofMachines, (check) => check.missing(machine));
      return reason === undefined ? [] : [{ machine, reason, ...(final && { final }) }];
    });
    if (missed.length > 0) {
      return missed;
    }
    await Promise.all(looks(ofSite, ask));
    const reason = firstOf(ofSite, (check) => check.missing());
    return reason === undefined ? [] : [{ reason }];
  };
}

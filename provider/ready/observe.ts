/** Looking at a site: its machines first, and the site itself once they are ready. */
import type { Answer } from "../probe";
import { machineChecks, siteChecks } from "./checks";
import { applicationTrouble } from "./checks/application";
import { type Ask, type Expectation, type ExpectedMachine, type Scene, type SiteCheck, stateOf } from "./checks/check";
import type { LogName, Missing } from "./report";

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

/** The logs that tell why something is missing of a machine: how it was set up says nothing where the application is why. */
function logsOf(scene: Scene, machine: ExpectedMachine): readonly LogName[] {
  if (applicationTrouble(scene, machine) !== undefined) {
    return ["application"];
  }
  const own = stateOf(scene, machine);
  if (own?.converge !== "done") {
    return ["converge", "cloud-init"];
  }
  if (own.application !== null) {
    return ["application", "converge"];
  }
  const elsewhere = scene.expectation.machines.some((other) => applicationTrouble(scene, other) !== undefined);
  return elsewhere ? [] : ["converge"];
}

/** Whether a machine is short of nothing but time. */
const isUnderWay = (scene: Scene, { machine, final }: Missing): boolean =>
  final !== true && machine !== undefined && stateOf(scene, machine)?.converge === "running";

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
      return reason === undefined ? [] : [{ machine, reason, logs: logsOf(scene, machine), ...(final && { final }) }];
    });
    if (missed.length > 0) {
      const ends = missed.some(({ final }) => final === true);
      const told = missed.map((one) => (ends && isUnderWay(scene, one) ? { ...one, logs: [] } : one));
      // The cause first: of some machines is missing what others do not bring.
      const isCause = ({ logs }: Missing): boolean => logs?.includes("application") === true;
      return [...told.filter(isCause), ...told.filter((one) => !isCause(one))];
    }
    await Promise.all(looks(ofSite, ask));
    const reason = firstOf(ofSite, (check) => check.missing());
    return reason === undefined ? [] : [{ reason }];
  };
}

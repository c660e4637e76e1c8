/** What machines that are ready say of themselves beside that: which definition they were made from, and which settings take effect later. */
import { parseState, type State } from "../../core/protocol";
import type { Ask, ExpectedMachine, Expectation } from "./checks/check";

/** Machines with what their agents said. */
export type Told = readonly (readonly [ExpectedMachine, State])[];

/**
 * Asks each machine once more. One that cannot be reached from here, or does not answer, is not among them.
 * @param agentPort where agents answer
 */
export async function askMachines(
  { machines, reach }: Pick<Expectation, "machines" | "reach">,
  ask: Ask,
  agentPort: number,
): Promise<Told> {
  const asked = reach === "public" ? [] : machines;
  const found = await Promise.all(
    asked.map(async (one) => {
      const answer = await ask(`http://${one.address}:${String(agentPort)}/state`);
      const state = answer.status === undefined ? undefined : parseState(answer.body);
      return state?.ok === true && state.value.machine === one.machine ? [[one, state.value] as const] : [];
    }),
  );
  return found.flat();
}

/**
 * The names of hosts whose machine was made from another definition than the wanted one, in the order of the machines. One that does not say which was
 * made before hosts had any.
 */
export const outdatedHosts = (told: Told): readonly string[] =>
  told
    .filter(([{ definition }, state]) => definition !== undefined && state.definition !== definition)
    .map(([{ name }]) => name);

/** What of the settings takes effect later, a line each. */
export const pendingLines = (told: Told): readonly string[] =>
  told.flatMap(([{ name }, { settings }]) => (settings?.pending ?? []).map((words) => `${name}: ${words}`));

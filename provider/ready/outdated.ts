/** Which machines were made from an older definition than the wanted one, as their agents say. */
import { parseState } from "../../core/protocol";
import type { Ask, Expectation } from "./checks/check";

/**
 * The names of hosts whose machine says that it was made from another definition, in the order of the machines. One that does not say is not among
 * them: it was made before machines knew, or cannot be reached from here.
 * @param agentPort where agents answer
 */
export async function outdatedHosts(
  { machines, reach }: Pick<Expectation, "machines" | "reach">,
  ask: Ask,
  agentPort: number,
): Promise<readonly string[]> {
  const asked = reach === "public" ? [] : machines.filter(({ definition }) => definition !== undefined);
  const found = await Promise.all(
    asked.map(async ({ name, machine, address, definition }) => {
      const answer = await ask(`http://${address}:${String(agentPort)}/state`);
      const state = answer.status === undefined ? undefined : parseState(answer.body);
      const made = state?.ok === true && state.value.machine === machine ? state.value.definition : null;
      return made !== null && made !== definition ? [name] : [];
    }),
  );
  return found.flat();
}

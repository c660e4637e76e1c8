/** Each machine is set up and healthy, as its own agent says. */
import { parseState } from "../../../core/protocol";
import { type MachineCheck, type Scene, stranger } from "./check";

export const agentCheck = ({ expectation, agents }: Scene): MachineCheck => ({
  missing({ machine, address }) {
    if (expectation.reach === "public") {
      return undefined;
    }
    const answer = agents.get(machine);
    if (answer === undefined) {
      return "not asked yet";
    }
    if (answer.status === undefined) {
      return `its agent does not answer (${answer.problem})`;
    }
    const parsed = parseState(answer.body);
    if (!parsed.ok) {
      return `its agent answers ${String(answer.status)} with something else than its state: ${parsed.problem}`;
    }
    const state = parsed.value;
    if (state.machine !== machine) {
      return stranger(state.machine, address);
    }
    if (state.converge === "failed") {
      return `${["could not be set up", state.step && `failed while ${state.step}`].filter((part) => part).join(": ")} (it tries again)`;
    }
    if (state.converge === "running") {
      return ["still being set up", state.step].filter((part) => part).join(": ");
    }
    return state.healthy ? undefined : ["not healthy", state.error].filter((part) => part).join(": ");
  },
});

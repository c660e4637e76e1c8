/** Asks a host's agent over the site's private network. */
import { request } from "undici";
import { agentPort } from "../../core/ports";
import { parseState, type State } from "../../core/protocol";
import type { HostMachine } from "../machines";

const AGENT_TIMEOUT_MS = 2_000;

/** What a host's agent answers to GET /state, or why it said nothing. */
export type Answer = State | { readonly silent: string };

/** Asks a machine's agent for its state; two seconds at most. */
export async function askAgent(machine: HostMachine): Promise<Answer> {
  if (machine.gone === true) {
    return { silent: "its machine is gone" };
  }
  if (!machine.running || machine.address === null) {
    return { silent: machine.running ? "has no address" : "does not run" };
  }
  try {
    const { statusCode, body } = await request(`http://${machine.address}:${agentPort}/state`, {
      signal: AbortSignal.timeout(AGENT_TIMEOUT_MS),
    });
    const state = parseState(await body.text());
    return state.ok
      ? state.value
      : { silent: `its agent answered ${statusCode} with something else than its state: ${state.problem}` };
  } catch {
    return { silent: "its agent does not answer" };
  }
}

/** Each machine that was given the wanted release of the application finds it healthy: else it says what is wrong with it. */
import type { State } from "../../../core/protocol";
import { type ExpectedMachine, type MachineCheck, type Scene, shortRelease, stateOf } from "./check";
import { hasSettings } from "./settings";

/** What a machine says of the wanted release, if that is not healthy; undefined while something else of the machine may be why. */
export function applicationTrouble(
  scene: Scene,
  machine: ExpectedMachine,
): NonNullable<State["application"]> | undefined {
  const { release } = scene.expectation;
  const state = stateOf(scene, machine);
  const trouble = state?.application ?? null;
  if (state === undefined || trouble === null || state.machine !== machine.machine || state.converge !== "done") {
    return undefined;
  }
  const { database } = state;
  const served = database === null || database.writable || database.replica;
  return served && (release === "" || trouble.release === release) ? trouble : undefined;
}

export const applicationCheck = (scene: Scene): MachineCheck => ({
  missing(machine) {
    const trouble = applicationTrouble(scene, machine);
    if (trouble === undefined) {
      return undefined;
    }
    const running = stateOf(scene, machine)?.release ?? "";
    const old = running === trouble.release ? "what ran before" : shortRelease(running);
    return `${shortRelease(trouble.release)}: ${trouble.reason}${running === "" ? "" : `, and ${old} goes on serving`}`;
  },
  // With other settings it is started anew.
  final: (machine) => applicationTrouble(scene, machine)?.final === true && hasSettings(scene, machine),
});

/** What machines that are ready say of themselves beside that: which definition they were made from, and which settings take effect later. */
import { isOutdated } from "../../core/protocol";
import { type Scene, stateOf } from "./checks/check";

/** The names of hosts whose machine was made from another definition than the wanted one, in the order of the machines. */
export const outdatedHosts = (scene: Scene): readonly string[] =>
  scene.expectation.machines.flatMap((machine) => {
    const state = stateOf(scene, machine);
    return state !== undefined && isOutdated(state, machine.definition) ? [machine.name] : [];
  });

/** What of the settings takes effect later, a line each. */
export const pendingLines = (scene: Scene): readonly string[] =>
  scene.expectation.machines.flatMap((machine) =>
    (stateOf(scene, machine)?.settings?.pending ?? []).map((words) => `${machine.name}: ${words}`),
  );

/** Each machine that holds a release runs the wanted one. Of one that serves pages, {@link sightingsCheck} sees it. */
import { isShown, type MachineCheck, type Scene, shortRelease, stateOf } from "./check";

export const releaseCheck = (scene: Scene): MachineCheck => ({
  missing(machine) {
    const { release } = scene.expectation;
    const serves = machine.roles.includes("appServer");
    const holds = serves || machine.roles.includes("webServer");
    const state = stateOf(scene, machine);
    if (state === undefined || !holds || (serves && isShown(machine)) || release === "" || state.release === release) {
      return undefined;
    }
    return `runs ${shortRelease(state.release ?? "")}, not ${shortRelease(release)}`;
  },
});

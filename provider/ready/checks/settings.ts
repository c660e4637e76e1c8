/** Each machine has its settings in force. Not asked of one that was made before there were settings which change in place. */
import type { State } from "../../../core/protocol";
import { type ExpectedMachine, type MachineCheck, type Scene, stateOf } from "./check";

/** What a machine says of its settings, if those that are wanted are not in force. */
function behind(scene: Scene, machine: ExpectedMachine): State["settings"] {
  const { settings: wanted = "" } = machine;
  const found = stateOf(scene, machine)?.settings ?? null;
  return wanted === "" || found?.applied === wanted ? null : found;
}

/** Whether a machine has the wanted settings in force, as far as it knows of settings. */
export const hasSettings = (scene: Scene, machine: ExpectedMachine): boolean => behind(scene, machine) === null;

export function settingsCheck(scene: Scene): MachineCheck {
  const refused = (machine: ExpectedMachine): string | undefined => {
    const found = behind(scene, machine)?.refused ?? undefined;
    return found?.settings === machine.settings ? found?.reason : undefined;
  };
  return {
    missing(machine) {
      const found = behind(scene, machine);
      const reason = refused(machine);
      if (found === null || reason !== undefined) {
        return reason === undefined ? undefined : `refused its settings: ${reason}`;
      }
      return `has not applied its settings yet${found.waiting === null ? "" : `: ${found.waiting}`}`;
    },
    final: (machine) => refused(machine) !== undefined,
  };
}

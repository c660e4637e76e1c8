/** Each machine has found the wanted host package good. Not asked of one whose webinfra knows of none. */
import { shortDigest } from "../../../core/digest";
import type { State } from "../../../core/protocol";
import { type ExpectedMachine, type MachineCheck, type Scene, stateOf } from "./check";

const short = (sha256: string | null): string => (sha256 === null ? "none" : shortDigest(sha256));

export function packageCheck(scene: Scene): MachineCheck {
  const { hostPackage = "", reach } = scene.expectation;
  /** What a machine says of its package, if that is not yet the wanted one. */
  const behind = (machine: ExpectedMachine): State["package"] => {
    const found = stateOf(scene, machine)?.package ?? null;
    return hostPackage === "" || reach === "public" || found?.good === hostPackage ? null : found;
  };
  return {
    missing(machine) {
      const found = behind(machine);
      if (found === null) {
        return undefined;
      }
      if (found.refused?.package === hostPackage) {
        return `refused the host package ${short(hostPackage)}: ${found.refused.reason}; it went back to ${short(found.good)}`;
      }
      const waiting = found.waiting === null ? "" : `: ${found.waiting}`;
      return `runs host package ${short(found.good)}, not ${short(hostPackage)}${waiting}`;
    },
    final: (machine) => behind(machine)?.refused?.package === hostPackage,
  };
}

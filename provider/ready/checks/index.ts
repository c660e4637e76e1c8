/** All that is checked. Of a machine, and then of the site, the first check that misses something says what. */
import { agentCheck } from "./agent";
import { balancerCheck } from "./balancer";
import type { MachineCheck, Scene, SiteCheck } from "./check";
import { databaseCheck } from "./database";
import { packageCheck } from "./package";
import { releaseCheck } from "./release";
import { settingsCheck } from "./settings";
import { sightingsCheck } from "./sightings";
import { siteCheck } from "./site";

export const machineChecks: readonly ((scene: Scene) => MachineCheck)[] = [
  agentCheck,
  packageCheck,
  settingsCheck,
  releaseCheck,
  balancerCheck,
  sightingsCheck,
];

export const siteChecks: readonly ((scene: Scene) => SiteCheck)[] = [databaseCheck, siteCheck];

/** All that is checked. Of a machine, and then of the site, the first check that misses something says what. */
import { agentCheck } from "./agent";
import { applicationCheck } from "./application";
import { balancerCheck } from "./balancer";
import type { MachineCheck, Scene, SiteCheck } from "./check";
import { databaseCheck } from "./database";
import { packageCheck } from "./package";
import { releaseCheck } from "./release";
import { settingsCheck } from "./settings";
import { sightingsCheck } from "./sightings";
import { siteCheck } from "./site";

export const machineChecks: readonly ((scene: Scene) => MachineCheck)[] = [
  // Before what follows from it: that the host is not healthy, and the release not seen.
  applicationCheck,
  agentCheck,
  packageCheck,
  settingsCheck,
  releaseCheck,
  balancerCheck,
  sightingsCheck,
];

export const siteChecks: readonly ((scene: Scene) => SiteCheck)[] = [databaseCheck, siteCheck];

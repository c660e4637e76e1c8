/** What the command line uses of Incus. Each function takes a client of its own by default. */
export { IncusClient, PROJECT } from "./client";
export { exec } from "./exec";
export { networkName, stackSlug, volumeName } from "./labels";
export { type BakedImage, collectGarbage, listBakedImages, surveyImages, sweepBakeries } from "./image";
export { deleteInstance } from "./instance";
export { instanceAddress, listInstances, listOrphans, otherRoles } from "./machine";
export { deleteNetwork, listNetworks } from "./network";
export { deleteVolume, listVolumes, smallerVolume } from "./volume";

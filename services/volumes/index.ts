import { defineService } from "../define";
import { command, script, scriptPath } from "../parts/units";

/** Mounts the data volumes of the host's services, where the platform does not do that itself. */
export const volumes = defineService({
  name: "volumes",
  view: ({ described, place: { devices } }) => ({
    mounts: described.volumes.flatMap(({ name, mount }) => {
      const device = devices[name];
      return device === undefined ? [] : [{ name, mount, device }];
    }),
  }),
  render: ({ mounts }) => ({
    files: mounts.length === 0 ? [] : [script("mount-data")],
    steps: mounts.map(({ name, mount, device }) => ({
      phase: "mount",
      name: `mount-${name}`,
      doing: "mounting its data volume",
      script: command(scriptPath("mount-data"), device, mount),
    })),
  }),
});

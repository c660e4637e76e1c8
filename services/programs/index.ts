import { defineService } from "../define";
import { command, script, scriptPath, shell } from "../parts/units";

/** Fetches the host's programs from the channel. Comes before all that takes long, so that the agent can tell how far the host is. */
export const programs = defineService({
  name: "programs",
  view: ({ programs: sha256, place: { channel } }) => ({
    sha256,
    folder: channel.type === "directory" ? channel.path : undefined,
  }),
  render: ({ sha256, folder }) => ({
    files: [script("fetch-kit")],
    steps: [
      {
        phase: "programs",
        name: "programs",
        doing: "fetching its programs",
        script:
          folder === undefined
            ? shell(`${scriptPath("install-packages")} rclone`, `exec ${scriptPath("fetch-kit")} ${sha256}`)
            : command(scriptPath("fetch-kit"), sha256, folder),
      },
    ],
  }),
});

import { agentPort } from "../../core/ports";
import { defineService } from "../define";
import { command, plainFile, script, scriptPath, shell, startUnits, unitFile } from "../parts/units";

/**
 * Fetches the host package from the channel, and follows its pointer from then on. Comes before all that takes long, so that the agent can tell how far
 * the host is. The launcher comes out of the first package, because user-data has no room for it, and stays as it is: it needs nothing of later packages,
 * which may be broken.
 */
export const programs = defineService({
  name: "programs",
  view: ({ host: { name }, place: { channel } }) => ({
    name,
    folder: channel.type === "directory" ? channel.path : undefined,
  }),
  render: ({ name, folder }) => ({
    files: [
      script("fetch-launcher"),
      unitFile("webinfra-launcher.service", __dirname, "launcher.service"),
      plainFile("/etc/webinfra/launcher.json", `${JSON.stringify({ name, port: agentPort, directory: folder })}\n`),
    ],
    steps: [
      {
        phase: "programs",
        name: "programs",
        doing: "fetching its programs",
        script:
          folder === undefined
            ? shell(`${scriptPath("install-packages")} rclone`, `exec ${scriptPath("fetch-launcher")}`)
            : command(scriptPath("fetch-launcher"), folder),
      },
      {
        phase: "discover",
        name: "launcher",
        doing: "beginning to follow the host package",
        script: shell(startUnits("webinfra-launcher.service")),
      },
    ],
  }),
});

import { join } from "node:path";
import { agentPort } from "../../core/ports";
import { defineService } from "../define";
import { command, plainFile, scriptPath, shell, startUnits, unitFile } from "../parts/units";
import { fileText } from "../template";

const hostFolder = join(__dirname, "..", "..", "host");

/**
 * Fetches the host package from the channel, and follows its pointer from then on. Comes before all that takes long, so that the agent can tell how far
 * the host is. The launcher is no part of the package, and needs nothing of it: it may be broken.
 */
export const programs = defineService({
  name: "programs",
  view: ({ host: { name }, place: { channel } }) => ({
    name,
    folder: channel.type === "directory" ? channel.path : undefined,
  }),
  render: ({ name, folder }) => ({
    files: [
      { path: scriptPath("launcher"), content: fileText(hostFolder, "launcher.py"), mode: "0755" },
      unitFile("webinfra-launcher.service", __dirname, "launcher.service"),
      plainFile("/etc/webinfra/launcher.json", `${JSON.stringify({ name, port: agentPort, directory: folder })}\n`),
    ],
    steps: [
      {
        phase: "programs",
        name: "programs",
        doing: "fetching its programs",
        script: command(scriptPath("launcher"), "install"),
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

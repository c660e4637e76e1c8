import { defineService } from "../define";
import { command, plainFile, scriptPath, unitFile } from "../parts/units";

/** Where the identity stands that this host's secrets are sealed to. */
const identityPath = "/etc/webinfra/secrets/sealing-key";

/** Applies what may change while the host lives: the settings that the channel has for it. */
export const settings = defineService({
  name: "settings",
  describe: () => ({
    secrets: [{ kind: "identity" }],
    watches: [{ kind: "settings", unit: "webinfra-settings.service" }],
  }),
  install: () => ({ packages: ["age"] }),
  view: ({ host: { name }, place: { channel } }, text) => ({
    name,
    folder: channel.type === "directory" ? channel.path : undefined,
    identity: text({ kind: "identity" }),
  }),
  render: ({ name, folder, identity }) => ({
    files: [
      plainFile("/etc/webinfra/settings.json", `${JSON.stringify({ name, directory: folder })}\n`),
      unitFile("webinfra-settings.service", __dirname, "settings.service"),
      { path: identityPath, content: `${identity}\n`, mode: "0600", secret: true },
    ],
    steps: [
      {
        phase: "settings",
        name: "settings",
        doing: "getting its settings",
        script: command(scriptPath("current/webinfra-host"), "settings", "begin"),
      },
    ],
  }),
});

import { defineService } from "../define";
import { command, scriptPath } from "../parts/units";

/** Fetches the host's secret files, where they come through the channel. */
export const secrets = defineService({
  name: "secrets",
  view: ({ host, traits, secretsSha256 }) => ({
    fetches: traits.secretsThrough === "channel",
    name: host.name,
    secretsSha256,
  }),
  render: ({ fetches, name, secretsSha256 }) =>
    fetches
      ? {
          files: [],
          steps: [
            {
              phase: "secrets",
              name: "secrets",
              doing: "fetching its secrets",
              script: command(
                scriptPath("fetch-files"),
                `secrets/${name}.json`,
                secretsSha256,
                "/etc/webinfra/secrets/fetched",
              ),
            },
          ],
        }
      : { files: [], steps: [] },
});

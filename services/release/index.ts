import { defineService } from "../define";
import { plainFile, unitFile } from "../parts/units";

interface ReleaseView {
  readonly runsApp: boolean;
  readonly port: number;
  readonly healthPath: string;
  /** For messages: the unit starts it. */
  readonly start: string;
}

/** Fetches the release that the channel names: the application's host runs it, a web server without an application serves its static files. */
export const release = defineService<ReleaseView>({
  name: "release",
  describe: () => ({
    watches: [{ kind: "document", key: "pointers/release.json", unit: "webinfra-release.service" }],
  }),
  view: ({ roles, settings: { app } }) => ({
    runsApp: roles.includes("appServer"),
    port: app.port,
    healthPath: app.healthPath,
    start: app.start,
  }),
  render: (view) => ({
    files: [
      plainFile("/etc/webinfra/release.json", `${JSON.stringify(view)}\n`),
      unitFile("webinfra-release.service", __dirname, "release.service"),
    ],
    steps: [],
  }),
});

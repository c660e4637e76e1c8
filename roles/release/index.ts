import { fileText } from "../template";
import { Role } from "../types";

/** Fetches the release that the channel names: the application's host runs it, a web server without an application serves its static files. */
export const release: Role = (view) => {
  const { app, domain } = view.config;
  const runs = view.host.roles.includes("appServer");
  return {
    packages: [],
    files: [
      {
        path: "/etc/webinfra/release.json",
        content: `${JSON.stringify({ runsApp: runs, port: app.port, healthPath: app.healthPath, domain })}\n`,
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-release.service",
        content: fileText(__dirname, "release.service"),
        mode: "0644",
      },
    ],
    steps: [],
    ports: [],
  };
};

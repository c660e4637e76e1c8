import { agentPort } from "../../core/ports";
import { roleNames } from "../../core/roles";
import { HealthCheck } from "../contract";
import { defineService } from "../define";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";

interface AgentView {
  readonly name: string;
  readonly roles: readonly string[];
  readonly domain: string;
  readonly checks: readonly HealthCheck[];
  /** Seconds; undefined: no database here. */
  readonly maxLagSeconds: number | undefined;
}

/** Answers for the host's health (`/state`), and for its database's role. */
export const agent = defineService<AgentView>({
  name: "agent",
  describe: () => ({
    ports: [{ port: agentPort, protocol: "tcp", from: roleNames, description: "host agent: health and database role" }],
  }),
  view: ({ host, described, settings }) => ({
    name: host.name,
    roles: host.roles,
    domain: settings.domain,
    checks: described.health,
    maxLagSeconds: host.roles.includes("database") ? settings.mysql.maxLagSeconds : undefined,
  }),
  render: ({ name, roles, domain, checks, maxLagSeconds }) => ({
    files: [
      unitFile("webinfra-agent.service", __dirname, "agent.service"),
      unitFile("webinfra-agent.socket", __dirname, "agent.socket"),
      plainFile(
        "/etc/webinfra/agent.json",
        `${JSON.stringify({ name, roles, port: agentPort, maxLagSeconds, domain, checks }, null, 1)}\n`,
      ),
    ],
    steps: [
      {
        phase: "report",
        name: "agent",
        doing: "starting its agent",
        script: shell(startUnits("webinfra-agent.socket", "webinfra-agent.service")),
      },
    ],
  }),
});

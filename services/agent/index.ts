import { agentPort } from "../../core/ports";
import { roleNames } from "../../core/roles";
import { HealthCheck } from "../contract";
import { defineService } from "../define";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";

interface AgentView {
  readonly name: string;
  readonly roles: readonly string[];
  readonly checks: readonly HealthCheck[];
}

/** Answers for the host's health (`/state`), and for its database's role. */
export const agent = defineService<AgentView>({
  name: "agent",
  describe: () => ({
    ports: [{ port: agentPort, protocol: "tcp", from: roleNames, description: "host agent: health and database role" }],
  }),
  view: ({ host, described }) => ({
    name: host.name,
    roles: host.roles,
    checks: described.health,
  }),
  render: ({ name, roles, checks }) => ({
    files: [
      unitFile("webinfra-agent.service", __dirname, "agent.service"),
      unitFile("webinfra-agent.socket", __dirname, "agent.socket"),
      plainFile("/etc/webinfra/agent.json", `${JSON.stringify({ name, roles, port: agentPort, checks }, null, 1)}\n`),
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

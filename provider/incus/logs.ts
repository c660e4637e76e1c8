/** What can be told about a machine from inside. */
import { exec } from "./exec";

const LOG_TIMEOUT_MS = 10_000;

/** Its converge journal and what cloud-init said. Never throws. */
export async function machineLogs(machine: string): Promise<string> {
  const section = async (title: string, argv: readonly string[]): Promise<string> => {
    try {
      const result = await exec(machine, argv, { timeoutMs: LOG_TIMEOUT_MS });
      return `${title}:\n${(result.stdout || result.stderr).trimEnd().replaceAll(/^/gm, "  ")}`;
    } catch (error) {
      return `${title}: cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  return [
    await section("journal of webinfra-converge", ["journalctl", "-u", "webinfra-converge", "-n", "30", "--no-pager"]),
    await section("cloud-init-output.log", ["tail", "-n", "15", "/var/log/cloud-init-output.log"]),
  ].join("\n");
}

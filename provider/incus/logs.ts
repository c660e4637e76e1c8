/** What can be told about a machine from inside. */
import { applicationLogCommand, applicationLogTitle, emptyApplicationLog } from "../../core/application-log";
import type { LogName } from "../ready/report";
import { exec } from "./exec";

const LOG_TIMEOUT_MS = 10_000;

interface Log {
  readonly title: string;
  readonly argv: readonly string[];
  /** Said of one that is empty. */
  readonly empty: string;
}

const logs: Readonly<Record<LogName, Log>> = {
  application: {
    title: applicationLogTitle,
    argv: applicationLogCommand,
    empty: emptyApplicationLog,
  },
  converge: {
    title: "journal of webinfra-converge",
    argv: ["journalctl", "-u", "webinfra-converge", "-n", "30", "--no-pager"],
    empty: "nothing",
  },
  "cloud-init": {
    title: "cloud-init-output.log",
    argv: ["tail", "-n", "15", "/var/log/cloud-init-output.log"],
    empty: "nothing",
  },
};

/** Logs of a machine as one text, in that order. Never throws. */
export async function machineLogs(
  machine: string,
  names: readonly LogName[],
  run: typeof exec = exec,
): Promise<string> {
  const section = async ({ title, argv, empty }: Log): Promise<string> => {
    try {
      const { code, stdout, stderr } = await run(machine, argv, { timeoutMs: LOG_TIMEOUT_MS });
      const text = (stdout || stderr).trimEnd();
      return text === "" && code === 0 ? `${title}: ${empty}` : `${title}:\n${text.replaceAll(/^/gm, "  ")}`;
    } catch (error) {
      return `${title}: cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  return (await Promise.all(names.map((name) => section(logs[name])))).join("\n");
}

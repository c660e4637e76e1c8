/** Running a command in a machine, without a terminal. */
import { z } from "zod";
import { type CallOptions, IncusClient } from "./client";

/** What a command left behind. */
export interface ExecResult {
  /** Exit code. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const resultSchema = z.object({
  return: z.number().optional(),
  output: z.record(z.string(), z.string()).nullish(),
});

/**
 * Runs `argv` as root in the machine `name`, with no input, and waits for its end (300 s unless `options.timeoutMs` says
 * otherwise; a command that is still running then goes on). Incus keeps the output in files, which are deleted here.
 */
export async function exec(
  name: string,
  argv: readonly string[],
  options: CallOptions = {},
  client = new IncusClient(),
): Promise<ExecResult> {
  const result = resultSchema.parse(
    await client.change(
      "POST",
      `/1.0/instances/${name}/exec`,
      {
        command: argv,
        environment: {
          PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          LANG: "C.UTF-8",
          HOME: "/root",
        },
        interactive: false,
        "wait-for-websocket": false,
        "record-output": true,
      },
      options,
    ),
  );
  const read = async (path: string | undefined): Promise<string> => {
    if (path === undefined) {
      return "";
    }
    const text = await client.text(path, options);
    await client.change("DELETE", path, undefined, options);
    return text;
  };
  const [stdout, stderr] = await Promise.all([read(result.output?.["1"]), read(result.output?.["2"])]);
  return { code: result.return ?? -1, stdout, stderr };
}

/** A container in a stack's network that sends the benchmark's requests. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { deleteInstance, networkName, PROJECT } from "../../provider/incus";
import { eventually } from "../support/eventually";
import { startMachine } from "../support/machine";
import { shell } from "../support/site";

const loadSchema = z.object({
  requests: z.number(),
  /** Requests a second. */
  perSecond: z.number(),
  /** Latencies in milliseconds. */
  p50: z.number(),
  p99: z.number(),
  /** Requests without an answer, or with one that is no success. */
  failed: z.number(),
});

/** What came of a load that goes as fast as it can. */
export type LoadFigures = z.infer<typeof loadSchema>;

const probesSchema = z.array(
  z
    .tuple([z.number(), z.number(), z.number(), z.string()])
    .transform(([start, end, status, server]) => ({ start, end, status, server })),
);

/** A request: seconds since 1970, the status (0: no answer) and the web server that answered. */
export type Probe = z.infer<typeof probesSchema>[number];

/** What a steady stream of requests is to be. */
export interface ProbePlan {
  readonly host: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Requests a second, all workers together. */
  readonly rate: number;
  readonly workers: number;
}

const local = (name: string): string => readFileSync(join(__dirname, name), "utf8");

export class Generator {
  private readonly machine: string;

  constructor(private readonly stack: string) {
    this.machine = `webinfra-${stack}-bench`;
  }

  /** Makes the container, with wrk in it. */
  async make(): Promise<void> {
    const { machine, stack } = this;
    await startMachine(machine, networkName(stack), { "user.webinfra.bench": stack });
    const apt = "apt-get -qq -o Acquire::Retries=5";
    await eventually("wrk in the load generator", () =>
      shell(
        this.machine,
        `${apt} update && DEBIAN_FRONTEND=noninteractive ${apt} install -y --no-install-recommends wrk >&2`,
      ),
    );
  }

  /** Takes the container away, if there is one. */
  async remove(): Promise<void> {
    await deleteInstance(this.machine, { stopTimeoutSeconds: 0 });
  }

  /** Sends as many requests as go over 16 connections for some seconds. */
  async load(url: string, seconds: number): Promise<LoadFigures> {
    const output = await shell(
      this.machine,
      `cat >/tmp/wrk.lua <<'END'\n${local("wrk.lua")}END\nwrk -t 1 -c 16 -d ${String(seconds)}s -s /tmp/wrk.lua '${url}'`,
    );
    return loadSchema.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
  }

  /** Sends requests at a steady rate while `during` runs, and tells what came of each, in the order of their ends. */
  async probe(plan: ProbePlan, during: () => Promise<void>): Promise<Probe[]> {
    const argument = JSON.stringify({ port: 80, seconds: 300, ...plan });
    const child = spawn(
      "incus",
      ["exec", "--project", PROJECT, "-T", this.machine, "--", "python3", "-c", local("probe.py"), argument],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const closed = new Promise<void>((done, failed) => {
      child.on("error", failed);
      child.on("close", () => {
        done();
      });
    });
    try {
      await eventually("the requests to start", () => {
        assert.match(output, /^started\n/);
        return Promise.resolve();
      });
      await during();
    } finally {
      child.stdin.end();
      await closed;
    }
    return probesSchema.parse(JSON.parse(output.split("\n")[1] ?? "")).sort((a, b) => a.end - b.end);
  }
}

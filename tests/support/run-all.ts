/**
 * Runs every check and every test of the repository, all of them even when one fails, and counts: a check is one, a mocha
 * suite as many as it has tests. Prints "N passed, N failed" as its last line; exit code 0 only when nothing failed.
 * Usage: run-all.ts [part …] (default: all of them)
 */
import { spawn } from "node:child_process";

interface Part {
  readonly name: string;
  /** Its npm script. */
  readonly script: string;
  /** Whether mocha runs it and tells how many tests there were. */
  readonly mocha: boolean;
  /** The part has failed when it takes longer. */
  readonly limitMinutes: number;
}

const parts: readonly Part[] = [
  { name: "types", script: "typecheck", mocha: false, limitMinutes: 5 },
  { name: "lint", script: "lint", mocha: false, limitMinutes: 5 },
  { name: "format", script: "format", mocha: false, limitMinutes: 5 },
  { name: "unused code", script: "knip", mocha: false, limitMinutes: 5 },
  { name: "shell scripts", script: "shellcheck", mocha: false, limitMinutes: 5 },
  { name: "workflows", script: "actionlint", mocha: false, limitMinutes: 5 },
  { name: "unit tests", script: "test:unit", mocha: true, limitMinutes: 10 },
  { name: "policies", script: "policy", mocha: true, limitMinutes: 10 },
  { name: "real tools", script: "test:hosts", mocha: true, limitMinutes: 15 },
  { name: "end to end", script: "test:e2e", mocha: true, limitMinutes: 60 },
];

interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly why: string;
  /** What failed, in few lines; empty when nothing did. */
  readonly report: string;
}

/** Lines that are shown of a failure: of its start, which names the test, and of its end, where a command says why. */
const [HEAD_LINES, TAIL_LINES, LINE_LENGTH] = [6, 6, 240];

/** The number in mocha's summary, such as 12 of `  12 passing (3s)`; the last one counts. */
function summary(output: string, word: "passing" | "failing"): number {
  const found = [...output.matchAll(new RegExp(`^ {2}(\\d+) ${word}\\b`, "gm"))].at(-1);
  return Number(found?.[1] ?? 0);
}

/** Each failure in a few lines. Said at the very end, because that is what is seen of a long log. */
function failures(output: string): string {
  const start = output.search(/^ {2}\d+ failing\b/m);
  const texts =
    start < 0
      ? [output]
      : output
          .slice(start)
          .split(/^(?= {2}\d+\) )/m)
          .slice(1);
  return texts
    .map((text) => {
      const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^ +at /.test(line));
      const short =
        lines.length <= HEAD_LINES + TAIL_LINES
          ? lines
          : [...lines.slice(0, HEAD_LINES), "…", ...lines.slice(-TAIL_LINES)];
      return short.map((line) => line.slice(0, LINE_LENGTH)).join("\n");
    })
    .join("\n");
}

async function run(part: Part): Promise<Result> {
  console.log(`\n=== ${part.name} (npm run ${part.script})`);
  const started = Date.now();
  const extra = part.mocha ? ["--", "--forbid-only", "--no-color"] : [];
  // A group of its own, so that a part over its limit can be stopped with all its children.
  const child = spawn("npm", ["run", "--silent", part.script, ...extra], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      process.stdout.write(text);
    });
  }
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It is gone already.
    }
  };
  const limit = AbortSignal.timeout(part.limitMinutes * 60_000);
  limit.addEventListener("abort", () => {
    signalGroup("SIGTERM");
    setTimeout(() => {
      signalGroup("SIGKILL");
    }, 10_000).unref();
  });
  const forward = (): void => {
    signalGroup("SIGTERM");
  };
  process.on("SIGTERM", forward).on("SIGINT", forward);
  const code = await new Promise<number>((resolve) => {
    child.on("error", (error) => {
      console.error(String(error));
      resolve(127);
    });
    child.on("close", (status) => {
      resolve(status ?? 128);
    });
  });
  process.off("SIGTERM", forward).off("SIGINT", forward);

  const seconds = Math.round((Date.now() - started) / 1000);
  const late = limit.aborted ? `over its limit of ${String(part.limitMinutes)} minutes` : undefined;
  const why = late ?? (code === 0 ? "" : `exit code ${String(code)}`);
  const report = late === undefined && code === 0 ? "" : failures(output);
  const done = { name: part.name, seconds, report };
  if (!part.mocha) return { ...done, passed: why === "" ? 1 : 0, failed: why === "" ? 0 : 1, why };
  const passed = summary(output, "passing");
  const failed = summary(output, "failing");
  if (passed + failed === 0) return { ...done, passed, failed: 1, why: `no test ran, ${why}` };
  // Mocha can fail outside of any test: a file that does not load, a hook.
  if (late !== undefined || (code !== 0 && failed === 0)) return { ...done, passed, failed: failed + 1, why };
  return { ...done, passed, failed, why: "" };
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((script) => !parts.some((part) => part.script === script));
  if (unknown.length > 0) {
    throw new Error(`unknown part: ${unknown.join(", ")}; there are: ${parts.map(({ script }) => script).join(", ")}`);
  }
  const results: Result[] = [];
  for (const part of parts.filter(({ script }) => wanted.length === 0 || wanted.includes(script))) {
    results.push(await run(part));
  }
  for (const { name, report } of results.filter((result) => result.report !== "")) {
    console.log(`\n=== what failed: ${name}\n${report}`);
  }
  console.log("");
  for (const { name, passed, failed, seconds, why } of results) {
    console.log(
      `${failed === 0 ? "ok  " : "FAIL"} ${name.padEnd(14)} ${String(passed).padStart(4)} passed ${String(failed).padStart(3)} failed ` +
        `${String(seconds).padStart(5)} s ${why}`.trimEnd(),
    );
  }
  const total = (key: "passed" | "failed"): number => results.reduce((sum, result) => sum + result[key], 0);
  console.log(`\n${String(total("passed"))} passed, ${String(total("failed"))} failed`);
  process.exitCode = total("failed") === 0 ? 0 : 1;
}

void main();

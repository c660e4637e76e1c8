/**
 * Runs every check and every test of the repository, all of them even when one fails, and counts: a check is one, a
 * suite of mocha or pytest as many as it has tests. Prints "N passed, N failed" as its last line; exit code 0 only when nothing failed.
 * Usage: run-all.ts [part …] (default: all of them)
 */
import { spawn } from "node:child_process";

interface Runner {
  /** What it is told beside what the npm script says. */
  readonly options: readonly string[];
  /** The number of tests in its summary; the last one counts. */
  readonly passed: RegExp;
  readonly failed: RegExp;
  /** Where its report of failures starts, and each of them. */
  readonly failures: RegExp;
  readonly failure: RegExp;
  /** Of a failure, what names the test. */
  readonly title: RegExp;
}

const runners = {
  mocha: {
    options: ["--forbid-only", "--no-color"],
    passed: /^ {2}(\d+) passing\b/gm,
    failed: /^ {2}(\d+) failing\b/gm,
    failures: /^ {2}\d+ failing\b/m,
    failure: /^(?= {2}\d+\) )/m,
    title: /^ {2}\d+\) [^]*?:$/m,
  },
  pytest: {
    options: ["--color=no"],
    passed: /^(?:=+ )?(?:\d+ \w+, )*(\d+) passed\b/gm,
    // A file that does not load is an error.
    failed: /^(?:=+ )?(?:\d+ \w+, )*(\d+) (?:failed|errors?)\b/gm,
    failures: /^=+ (?:FAILURES|ERRORS) =+$/m,
    failure: /^(?=_{3,} .* _{3,}$)/m,
    title: /^_{3,} .* _{3,}$/m,
  },
} satisfies Readonly<Record<string, Runner>>;

interface Part {
  readonly name: string;
  /** Its npm script. */
  readonly script: string;
  /** What runs it and tells how many tests there were; undefined for a check. */
  readonly runner?: keyof typeof runners;
  /** The part has failed when it takes longer. */
  readonly limitMinutes: number;
}

const parts: readonly Part[] = [
  { name: "types", script: "typecheck", limitMinutes: 5 },
  { name: "lint", script: "lint", limitMinutes: 5 },
  { name: "format", script: "format", limitMinutes: 5 },
  { name: "unused code", script: "knip", limitMinutes: 5 },
  { name: "shell scripts", script: "shellcheck", limitMinutes: 5 },
  { name: "Python", script: "lint:python", limitMinutes: 5 },
  { name: "workflows", script: "actionlint", limitMinutes: 5 },
  { name: "unit tests", script: "test:unit", runner: "mocha", limitMinutes: 10 },
  { name: "hosts' programs", script: "test:python", runner: "pytest", limitMinutes: 10 },
  { name: "simulation", script: "test:simulate", limitMinutes: 15 },
  { name: "policies", script: "policy", runner: "mocha", limitMinutes: 10 },
  { name: "real tools", script: "test:hosts", runner: "mocha", limitMinutes: 15 },
  { name: "end to end", script: "test:e2e", runner: "mocha", limitMinutes: 60 },
  // With nothing beside them: they measure what a site can do.
  { name: "under load", script: "test:load", runner: "mocha", limitMinutes: 30 },
];

interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly why: string;
  /** What failed, in few lines; empty when nothing did. */
  readonly report: string;
  /** The names of the tests that failed, each with the start and the end of its message, where a command says why; of a check its last lines. */
  readonly titles: readonly string[];
}

/** Lines that are shown of a failure: of its start, which names the test, and of its end, where a command says why. */
const [HEAD_LINES, TAIL_LINES, LINE_LENGTH] = [6, 6, 240];

/** The number in a runner's summary, such as 12 of `  12 passing (3s)`; the last one counts. */
const summary = (output: string, pattern: RegExp): number => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);

/** The lines that say something. */
const linesOf = (text: string): string[] =>
  text.split("\n").filter((line) => line.trim() !== "" && !/^ +at /.test(line));

/** Each failure in a few lines, and by name. Said at the very end, because that is what is seen of a long log. */
function failures(output: string, runner: Runner | undefined): Pick<Result, "report" | "titles"> {
  const start = runner ? output.search(runner.failures) : -1;
  const texts = runner && start >= 0 ? output.slice(start).split(runner.failure).slice(1) : [output];
  const report = texts
    .map((text) => {
      const lines = linesOf(text);
      const short =
        lines.length <= HEAD_LINES + TAIL_LINES
          ? lines
          : [...lines.slice(0, HEAD_LINES), "…", ...lines.slice(-TAIL_LINES)];
      return short.map((line) => line.slice(0, LINE_LENGTH)).join("\n");
    })
    .join("\n");
  const titles = texts.flatMap((text) => {
    if (!runner) {
      return linesOf(text).slice(-TAIL_LINES);
    }
    const title = text.match(runner.title)?.[0];
    if (title === undefined) {
      return [];
    }
    const [message = ""] = text.slice(text.indexOf(title) + title.length).split(/^ +\+ expected - actual$/m);
    const lines = linesOf(message).map((line) => line.trim());
    return [title.replace(/\s+/g, " ").trim(), ...lines.slice(0, 1), ...lines.slice(1).slice(-TAIL_LINES)];
  });
  return { report, titles };
}

async function run(part: Part): Promise<Result> {
  console.log(`\n=== ${part.name} (npm run ${part.script})`);
  const started = Date.now();
  const runner: Runner | undefined = part.runner && runners[part.runner];
  const extra = runner ? ["--", ...runner.options] : [];
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
      if (child.pid !== undefined) {
        process.kill(-child.pid, signal);
      }
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
  const said = late === undefined && code === 0 ? { report: "", titles: [] } : failures(output, runner);
  const done = { name: part.name, seconds, ...said };
  if (!runner) {
    return { ...done, passed: why === "" ? 1 : 0, failed: why === "" ? 0 : 1, why };
  }
  const passed = summary(output, runner.passed);
  const failed = summary(output, runner.failed);
  if (passed + failed === 0) {
    return { ...done, passed, failed: 1, why: `no test ran, ${why}` };
  }
  // A runner can fail outside of any test: a file that does not load, a hook.
  if (late !== undefined || (code !== 0 && failed === 0)) {
    return { ...done, passed, failed: failed + 1, why };
  }
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
      `${failed === 0 ? "ok  " : "FAIL"} ${name.padEnd(15)} ${String(passed).padStart(4)} passed ${String(failed).padStart(3)} failed ` +
        `${String(seconds).padStart(5)} s ${why}`.trimEnd(),
    );
  }
  for (const title of results.flatMap(({ titles }) => titles)) {
    console.log(`     ${title.slice(0, LINE_LENGTH)}`);
  }
  const total = (key: "passed" | "failed"): number => results.reduce((sum, result) => sum + result[key], 0);
  console.log(`\n${String(total("passed"))} passed, ${String(total("failed"))} failed`);
  process.exitCode = total("failed") === 0 ? 0 : 1;
}

void main();

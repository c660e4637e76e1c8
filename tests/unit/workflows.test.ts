import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { parse } from "yaml";
import { z } from "zod";
import { commandLine } from "../../cli/main";

const root = join(__dirname, "../..");
const folder = join(root, ".github/workflows");
const read = (path: string) => readFileSync(join(root, path), "utf8");

const step = z.looseObject({
  name: z.string().optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
  "timeout-minutes": z.number().optional(),
});
const concurrency = z.object({ group: z.string(), "cancel-in-progress": z.union([z.boolean(), z.string()]) });
const job = z.looseObject({
  if: z.string().optional(),
  needs: z.string().optional(),
  environment: z.string().optional(),
  permissions: z.record(z.string(), z.string()),
  "timeout-minutes": z.number(),
  concurrency: concurrency.optional(),
  strategy: z.object({ matrix: z.object({ stack: z.array(z.string()) }), "fail-fast": z.boolean() }).optional(),
  steps: z.array(step).min(1),
});
const workflow = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  concurrency: concurrency.optional(),
  jobs: z.record(z.string(), job),
});
type Step = z.infer<typeof step>;
type Job = z.infer<typeof job>;

const names = ["ci", "deploy", "drift", "preview"] as const;
const texts = Object.fromEntries(names.map((name) => [name, read(`.github/workflows/${name}.yml`)]));
const workflows = Object.fromEntries(names.map((name) => [name, workflow.parse(parse(texts[name] ?? ""))]));
const jobs: readonly (readonly [string, Job])[] = names.flatMap((name) =>
  Object.entries(workflows[name]?.jobs ?? {}).map(([id, one]) => [`${name}.${id}`, one] as const),
);
const jobOf = (path: string) => jobs.find(([one]) => one === path)![1];

const actionText = read(".github/actions/prepare/action.yml");
const action = z.object({ runs: z.object({ using: z.literal("composite"), steps: z.array(step) }) });
const prepare = action.parse(parse(actionText)).runs.steps;
const steps: readonly (readonly [string, Step])[] = [
  ...jobs.flatMap(([path, one]) => one.steps.map((each) => [path, each] as const)),
  ...prepare.map((each) => ["prepare", each] as const),
];

describe("workflows: what they may do", () => {
  it("are these four, none of which runs with more rights for a stranger's code", () => {
    assert.deepEqual(readdirSync(folder).sort(), [...names.map((name) => `${name}.yml`)].sort());
    assert.deepEqual(
      names.map((name) => [name, Object.keys(workflows[name]?.on ?? {})]),
      [
        ["ci", ["push", "pull_request"]],
        ["deploy", ["push"]],
        ["drift", ["schedule", "workflow_dispatch"]],
        ["preview", ["pull_request"]],
      ],
    );
    for (const text of Object.values(texts)) {
      assert.doesNotMatch(text, /pull_request_target|workflow_run/);
    }
  });

  it("pin every action to a commit, the same everywhere, and say its version", () => {
    const versions = new Map<string, string>();
    for (const text of [...Object.values(texts), actionText]) {
      for (const [, uses = "", comment = ""] of text.matchAll(/uses: (\S+)([^\n]*)/g)) {
        if (uses === "./.github/actions/prepare") {
          continue;
        }
        assert.match(uses, /^[a-z-]+\/[a-z-]+@[0-9a-f]{40}$/);
        assert.match(comment, /^ # v\d+\.\d+\.\d+$/);
        const [name = ""] = uses.split("@");
        assert.equal(versions.get(name) ?? `${uses}${comment}`, `${uses}${comment}`);
        versions.set(name, `${uses}${comment}`);
      }
    }
    assert.ok(versions.has("pulumi/actions"));
    assert.ok(steps.every(([, { uses }]) => uses === undefined || uses.startsWith("./") || uses.includes("@")));
  });

  it("are kept fresh where actions are pinned", () => {
    const update = z.looseObject({ "package-ecosystem": z.string(), directories: z.array(z.string()) });
    const { updates } = z
      .object({ version: z.literal(2), updates: z.array(update) })
      .parse(parse(read(".github/dependabot.yml")));
    assert.deepEqual(
      updates.map((one) => [one["package-ecosystem"], one.directories]),
      [["github-actions", ["/", "/.github/actions/prepare"]]],
    );
  });

  it("have no permission but these", () => {
    for (const name of names) {
      assert.deepEqual(workflows[name]?.permissions, {}, name);
    }
    const cloud = { contents: "read", "id-token": "write" };
    assert.deepEqual(Object.fromEntries(jobs.map(([path, { permissions }]) => [path, permissions])), {
      "ci.test": { contents: "read" },
      "deploy.staging": cloud,
      "deploy.prod": cloud,
      "drift.look": cloud,
      "drift.issue": { issues: "write" },
      "preview.preview": cloud,
      "preview.comment": { "pull-requests": "write" },
    });
  });

  it("use secrets, variables and identities only in a protected environment", () => {
    assert.deepEqual(Object.fromEntries(jobs.map(([path, { environment }]) => [path, environment])), {
      "ci.test": undefined,
      "deploy.staging": "staging",
      "deploy.prod": "prod",
      "drift.look": "drift",
      "drift.issue": undefined,
      "preview.preview": "preview",
      "preview.comment": undefined,
    });
    for (const [path, one] of jobs) {
      const wants = /\b(secrets|vars)\./.test(JSON.stringify(one)) || "id-token" in one.permissions;
      assert.equal(wants, one.environment !== undefined, path);
    }
    assert.doesNotMatch(actionText, /secrets\.|vars\./);
  });

  it("run nothing of a fork's pull request that was given more than the right to read", () => {
    const own = "github.event.pull_request.head.repo.full_name == github.repository";
    for (const [path, one] of jobs) {
      const [name = ""] = path.split(".");
      if (
        !("pull_request" in (workflows[name]?.on ?? {})) ||
        JSON.stringify(one.permissions) === '{"contents":"read"}'
      ) {
        continue;
      }
      const guarded = one.if?.includes(own) === true && !one.if.includes("||");
      const follows = one.needs === "preview" && one.if?.includes("needs.preview.result != 'skipped'") === true;
      assert.ok(guarded || follows, path);
    }
    assert.match(
      jobOf("preview.preview").if ?? "",
      /&& github\.event\.pull_request\.user\.login != 'dependabot\[bot\]'/,
    );
  });

  it("preview nothing until the set-up has seen that the environment asks its reviewers", () => {
    assert.match(jobOf("preview.preview").if ?? "", /^vars\.PREVIEWS == 'reviewed' && /);
  });

  it("check no code out where something may be written to GitHub", () => {
    for (const path of ["preview.comment", "drift.issue"]) {
      for (const { uses = "", run } of jobOf(path).steps) {
        assert.match(uses, /^actions\/(download-artifact|github-script)@/);
        assert.equal(run, undefined);
      }
    }
  });

  it("leave no token behind in a checkout, and end in time", () => {
    for (const [path, { uses = "", with: inputs }] of steps) {
      if (uses.startsWith("actions/checkout@")) {
        assert.equal(inputs?.["persist-credentials"], false, path);
      }
      if (uses.startsWith("actions/setup-node@")) {
        assert.equal(inputs?.["package-manager-cache"], false, path);
      }
    }
    for (const [path, one] of jobs) {
      assert.ok(one["timeout-minutes"] >= 5 && one["timeout-minutes"] <= 120, path);
    }
  });

  it("put nothing into a script but through its environment", () => {
    for (const [path, { run = "", with: inputs }] of steps) {
      const script = inputs?.["script"] ?? "";
      assert.ok(typeof script === "string" && !(run + script).includes("${{"), path);
    }
  });

  it("deploy the merged commit, one after the other a stack, and are not stopped by the next", () => {
    for (const name of ["ci", "drift", "preview"]) {
      assert.ok(workflows[name]?.concurrency !== undefined, name);
    }
    assert.equal(workflows["drift"]?.concurrency?.["cancel-in-progress"], false);
    // Of the whole workflow it would be held, with staging, by a run that waits for the approval of prod.
    assert.equal(workflows["deploy"]?.concurrency, undefined);
    assert.equal(jobOf("deploy.prod").needs, "staging");
    for (const stack of ["staging", "prod"]) {
      const one = jobOf(`deploy.${stack}`);
      assert.deepEqual(one.concurrency, { group: `deploy-${stack}`, "cancel-in-progress": false });
      assert.equal(one.steps[0]?.with?.["ref"], "${{ github.sha }}", stack);
      assert.equal(one.if, undefined, stack);
    }
  });

  it("give up the time that the documentation says, within the session of its role and of its job", () => {
    const text = read("docs/pull-requests.md");
    for (const path of ["deploy.staging", "deploy.prod"]) {
      const one = jobOf(path);
      const limited = one.steps.filter((each) => each["timeout-minutes"] !== undefined);
      assert.deepEqual(
        limited.map(({ name, "timeout-minutes": minutes }) => [name, minutes]),
        [["Up", 55]],
        path,
      );
      const session = one.steps.flatMap(({ with: inputs }) => inputs?.["role-duration-seconds"] ?? []);
      assert.deepEqual(session, [60 * 60], path);
      assert.equal(one["timeout-minutes"], 75, path);
    }
    assert.match(text, /The end of its 55 minutes and a cancel by hand stop an `up` in its middle\./);
    assert.match(text, /^eval "\$\(\.\/webinfra env --stack STACK\)" && npx pulumi cancel$/m);
    assert.doesNotMatch(text, /never stopped/);
  });
});

describe("workflows: what they run", () => {
  const scripts = steps.map(([path, { run = "" }]) => [path, run] as const).filter(([, run]) => run !== "");

  it("are npm scripts that there are", () => {
    const known = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read("package.json"))).scripts;
    const used = scripts.flatMap(([, run]) =>
      [...run.matchAll(/npm (?:run (?:--silent )?)?([a-z:-]+)/g)].map(([, name = ""]) => name),
    );
    assert.deepEqual([...new Set(used)].sort(), ["ci", "test", "webinfra"]);
    for (const name of used) {
      assert.ok(name === "ci" || name in known, name);
    }
    assert.match(read("README.md"), /^npm test /m);
  });

  it("are commands and options of webinfra, in this form", async () => {
    const used = scripts.flatMap(([path, run]) =>
      [...run.matchAll(/webinfra -- (.+?)(?: >|\n|$)/g)].map(([, words = ""]) => [path, words] as const),
    );
    assert.deepEqual(used, [
      ["deploy.staging", "up --stack staging --yes"],
      ["deploy.prod", "up --stack prod --yes"],
      ["drift.look", 'preview --stack "$STACK" --refresh --expect-no-changes --markdown'],
      ["preview.preview", 'preview --stack "$STACK" --markdown'],
    ]);
    for (const [, words] of used) {
      const line = commandLine({ context: () => Promise.reject(new Error("parsed")), exit: () => undefined });
      const args = words.replace('"$STACK"', "prod").split(" ");
      await assert.rejects(line.parseAsync(["node", "webinfra", ...args]), { message: "parsed" }, words);
    }
  });

  it("are with the Pulumi CLI of the dependencies", () => {
    const { dependencies } = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read("package.json")));
    const installing = prepare.find(({ uses }) => uses?.startsWith("pulumi/actions@") === true);
    assert.deepEqual(installing?.with, { "pulumi-version": dependencies["pulumi"] });
  });

  it("are for every stack of a cloud that the repository has", () => {
    const matrix = ["preview.preview", "drift.look"].map((path) => jobOf(path).strategy?.matrix.stack);
    assert.deepEqual(matrix, [
      ["staging", "prod"],
      ["staging", "prod"],
    ]);
    for (const name of readdirSync(root)) {
      const stack = /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1];
      assert.ok(stack === undefined || ["dev", "staging", "prod"].includes(stack), name);
    }
  });

  it("say what is missing in an environment that is not set up", () => {
    for (const path of ["preview.preview", "drift.look", "deploy.staging", "deploy.prod"]) {
      const run = jobOf(path).steps.at(path.startsWith("deploy") ? -1 : -2)?.run ?? "";
      const { status, stderr } = spawnSync("bash", ["-e", "-c", run], {
        env: { PATH: process.env["PATH"] },
        encoding: "utf8",
      });
      assert.notEqual(status, 0, path);
      const environment = jobOf(path).environment ?? "";
      assert.match(
        stderr,
        new RegExp(`PULUMI_BACKEND_URL: the environment ${environment} has no variable of this name`),
      );
    }
  });

  it("need what the set-up in the documentation makes, and nothing else", () => {
    const text = read("docs/pull-requests.md");
    const setUp = /```sh\n(reviewed=[^]*?)```/.exec(text)?.[1] ?? "";
    const found = (pattern: RegExp, where: string) =>
      [...new Set([...where.matchAll(pattern)].map(([, name = ""]) => name))].sort();
    const all = Object.values(texts).join("\n");
    assert.deepEqual(found(/gh variable set (\w+)/g, setUp), found(/vars\.(\w+)/g, all));
    assert.deepEqual(found(/gh secret set (\w+)/g, setUp), found(/secrets\.(\w+)/g, all));
    const environments = jobs.flatMap(([, { environment }]) => environment ?? []);
    assert.deepEqual(found(/^environment (\w+)/gm, setUp), [...new Set(environments)].sort());
    for (const [, json = ""] of text.matchAll(/```json\n([^]*?)```/g)) {
      assert.doesNotThrow(() => void JSON.parse(json));
    }
  });

  it("are given nothing for previews by the set-up unless GitHub keeps the rule on reviewers", () => {
    const setUp = /```sh\n(reviewed=[^]*?)```/.exec(read("docs/pull-requests.md"))?.[1] ?? "";
    const directory = mkdtempSync(join(tmpdir(), "webinfra-set-up-"));
    /** What the set-up sets for previews, on a GitHub whose environments have these rules. */
    const carriedOut = (rules: readonly string[]) => {
      const log = join(directory, "log");
      const answer = `*environments/preview*--jq*) printf '%s\\n' ${rules.join(" ")} ;; *"--input -") cat >/dev/null ;;`;
      writeFileSync(join(directory, "gh"), `#!/bin/sh\necho "$*" >>"$LOG"\ncase "$*" in ${answer} esac\n`, {
        mode: 0o755,
      });
      const env = { PATH: `${directory}:${process.env["PATH"] ?? ""}`, LOG: log };
      const { status, stderr } = spawnSync("bash", ["--norc", "-c", setUp], { env, encoding: "utf8" });
      const lines = readFileSync(log, "utf8").split("\n");
      rmSync(log);
      assert.equal(status, 0, stderr);
      assert.ok(lines.includes("secret set PULUMI_CONFIG_PASSPHRASE --env prod"));
      const set = lines.filter((line) => /^(variable|secret) set (PREVIEWS|.*--env preview)/.test(line));
      return [set.map((line) => line.split(" ")[2]), stderr];
    };
    const refused = "preview has no required reviewers: it gets nothing, and previews do not run\n";
    const wanted = ["AWS_ROLE", "AWS_REGION", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "DIGITALOCEAN_TOKEN"];
    try {
      assert.deepEqual(
        [carriedOut([]), carriedOut(["branch_policy"]), carriedOut(["branch_policy", "required_reviewers"])],
        [
          [[], refused],
          [[], refused],
          [[...wanted, "PREVIEWS"], ""],
        ],
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("tell drift from a run that failed", () => {
    const run = jobOf("drift.look").steps.find(({ name }) => name?.startsWith("Refresh"))?.run ?? "";
    const directory = mkdtempSync(join(tmpdir(), "webinfra-drift-"));
    try {
      const bin = join(directory, "bin");
      mkdirSync(bin);
      const ends = (code: number) => {
        writeFileSync(join(bin, "npm"), `#!/bin/sh\necho "$*"\nexit ${String(code)}\n`, { mode: 0o755 });
        const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, STACK: "prod", PULUMI_BACKEND_URL: "s3://state" };
        const { status } = spawnSync("bash", ["-e", "-c", run], { cwd: directory, env });
        return [status, existsSync(join(directory, "drift-prod.md"))];
      };
      assert.deepEqual(
        [ends(0), ends(3), ends(1)],
        [
          [0, false],
          [0, true],
          [1, true],
        ],
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("workflows: the scripts that write to GitHub", () => {
  interface Call {
    readonly what: string;
    readonly body?: string;
    readonly [argument: string]: unknown;
  }
  interface Remark {
    readonly id?: number;
    readonly number?: number;
    readonly body: string | null;
    readonly user?: { readonly login: string };
  }
  const bot = { login: "github-actions[bot]" };

  /** Runs a job's script in a folder with these files, against a GitHub with these comments or issues. */
  async function carryOut(
    path: string,
    files: Readonly<Record<string, string>>,
    there: readonly Remark[],
    result = "success",
  ): Promise<readonly Call[]> {
    const script = jobOf(path).steps.find(({ with: inputs }) => inputs?.["script"] !== undefined)?.with?.["script"];
    const directory = mkdtempSync(join(tmpdir(), "webinfra-workflow-"));
    const calls: Call[] = [];
    const call = (what: string) => (given: object) => Promise.resolve(calls.push({ what, ...given }));
    const issues = ["listComments", "listForRepo", "createComment", "updateComment", "create", "update"];
    const github = {
      paginate: () => Promise.resolve(there),
      rest: { issues: Object.fromEntries(issues.map((name) => [name, call(name)])) },
    };
    const context = {
      serverUrl: "https://github.example",
      repo: { owner: "o", repo: "r" },
      runId: 7,
      issue: { number: 12 },
      payload: { pull_request: { head: { sha: "abc" } } },
    };
    const before = process.cwd();
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(directory, name, ".."), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    process.chdir(directory);
    process.env["RESULT"] = result;
    try {
      assert.equal(typeof script, "string");
      // actions/github-script makes such a function of it.
      const body = runInThisContext(`(async (github, context, require) => {${String(script)}})`) as (
        ...args: readonly unknown[]
      ) => Promise<void>;
      await body(github, context, createRequire(__filename));
    } finally {
      process.chdir(before);
      delete process.env["RESULT"];
      rmSync(directory, { recursive: true, force: true });
    }
    return calls;
  }

  const previews = { "previews/preview-prod.md": "### `prod`", "previews/preview-staging.md": "### `staging`" };

  it("make one comment of all previews, and edit it from then on", async () => {
    const [first, ...rest] = await carryOut("preview.comment", previews, [
      { id: 1, body: "<!-- webinfra previews -->\nnot ours", user: { login: "mallory" } },
      { id: 2, body: null, user: bot },
    ]);
    assert.deepEqual(rest, []);
    assert.deepEqual([first?.what, first?.["issue_number"]], ["createComment", 12]);
    assert.match(
      first?.body ?? "",
      /^<!-- webinfra previews -->\n### `prod`\n### `staging`\n\n<sub>abc in \[this run\]/,
    );
    const again = await carryOut("preview.comment", previews, [{ id: 3, body: first?.body ?? "", user: bot }]);
    assert.deepEqual(
      again.map(({ what, comment_id: id, body }) => [what, id, body]),
      [["updateComment", 3, first?.body]],
    );
  });

  it("say which run failed, and keep a comment within what GitHub takes", async () => {
    const [failed] = await carryOut("preview.comment", {}, [], "failure");
    assert.match(
      failed?.body ?? "",
      /\*\*A preview failed:\*\* \[its log\]\(https:\/\/github\.example\/o\/r\/actions\/runs\/7\)/,
    );
    const [long] = await carryOut("preview.comment", { "previews/preview-prod.md": "x".repeat(100_000) }, []);
    assert.ok((long?.body ?? "").length < 65_536);
    const [drift] = await carryOut("drift.issue", { "drift/drift-prod.md": "x".repeat(100_000) }, []);
    assert.ok((drift?.body ?? "").length < 65_536);
  });

  it("open one issue on drift, update it, and close it when nothing drifts", async () => {
    const files = { "drift/drift-prod.md": "### `prod`: 1 change" };
    const [opened, ...rest] = await carryOut("drift.issue", files, [{ number: 1, body: "another" }]);
    assert.deepEqual(
      [opened?.what, opened?.["title"], rest],
      ["create", "Drift: what is deployed is not what the repository says", []],
    );
    assert.match(opened?.body ?? "", /^<!-- webinfra drift -->\n[^]*\n### `prod`: 1 change\n/);
    // Between a merge and its approval it is the deploy that is missing.
    assert.match(
      opened?.body ?? "",
      /If a deploy waits for its approval, approve that instead:[^]*`webinfra up --stack STACK/,
    );
    const there = [{ number: 5, body: opened?.body ?? "" }];
    const updated = await carryOut("drift.issue", files, there);
    assert.deepEqual(
      updated.map(({ what, issue_number: number }) => [what, number]),
      [["update", 5]],
    );
    const closed = await carryOut("drift.issue", {}, there);
    assert.deepEqual(
      closed.map(({ what, state }) => [what, state]),
      [
        ["createComment", undefined],
        ["update", "closed"],
      ],
    );
    assert.deepEqual(await carryOut("drift.issue", {}, []), []);
  });

  it("do not call a stack sound that could not be looked at", async () => {
    const [failed, ...rest] = await carryOut("drift.issue", {}, [], "failure");
    assert.deepEqual([failed?.what, rest], ["create", []]);
    assert.match(failed?.body ?? "", /\*\*A stack could not be looked at:\*\*/);
  });
});

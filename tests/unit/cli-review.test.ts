import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { review } from "../../cli/commands/review";
import { configOf } from "../../cli/engine/configuration";
import { parseOverride } from "../../cli/engine/stackfile";
import { commandLine } from "../../cli/main";
import { withTopology } from "../../cli/options";
import { costSchema } from "../../review/cost";
import { reviewSchema } from "../../review";
import { type Sandbox, sandbox } from "../support/cli";
import { mermaidProblems } from "../support/mermaid";

const printed = reviewSchema.extend({ stack: z.string(), cost: costSchema.nullable() });

describe("cli: review", () => {
  let box: Sandbox;
  const write = (text: string, file = box.stackFile) => writeFileSync(file, text);
  beforeEach(() => {
    box = sandbox();
    write("config:\n  webinfra:platform: incus\n  webinfra:replicas: 2\n");
  });
  afterEach(() => box.remove());

  it("prints for people what is weak, what stops, and what each element is for", () => {
    review(box.context(), "trial");
    const lines = box.stdout().split("\n");
    assert.equal(lines[0], "stack trial, topology dedicated-databases: 9 weaknesses: 1 critical, 5 high, 3 medium");
    assert.deepEqual(lines.slice(2, 4), [
      "critical  spof-load-balancer (lb-1)",
      "          lb-1 is the only load balancer: when it is lost, all traffic stops.",
    ]);
    assert.ok(lines.includes("lb-1             all traffic  no other machine takes requests until it is back"));
    assert.ok(lines.includes("  webServer      nothing      the balancer sends to web-2"));
    assert.ok(lines.includes("load balancer (HAProxy) on lb-1"));
    assert.equal(
      lines.at(-2),
      "next: `webinfra review --stack trial --markdown` draws the topology; --topology NAME shows another",
    );
    assert.equal(box.stderr(), "");
  });

  it("prints one JSON text of the promised shape", () => {
    const result = review(box.context({ json: true }), "trial");
    assert.deepEqual(printed.parse(JSON.parse(box.stdout())), { stack: "trial", ...result });
  });

  it("says on a cloud what each host and all of it costs a month", () => {
    const config = [parseOverride("platform=aws")];
    const { cost } = review(box.context(), "trial", { config });
    assert.equal(cost?.monthlyUsd, 208.21);
    const lines = box.stdout().split("\n");
    const at = lines.findIndex((line) => line.startsWith("COST OF "));
    assert.match(lines[at + 1] ?? "", /^lb-1 +23\.25 +t3\.small 15\.18; root volume, 20 GiB 1\.60; /);
    assert.ok(lines.includes("total    208.21"));
  });

  it("gives the cost in JSON and in Markdown too, and null on incus", () => {
    const digitalocean = { config: [parseOverride("platform=digitalocean")] };
    review(box.context({ json: true }), "trial", digitalocean);
    assert.equal(printed.parse(JSON.parse(box.stdout())).cost?.monthlyUsd, 119);
    assert.equal(review(box.context(), "trial").cost, null);
    const before = box.stdout().length;
    review(box.context(), "trial", { ...digitalocean, markdown: true });
    assert.match(box.stdout().slice(before), /\n## Cost\n[^]*\n\| total \| 119\.00 \| {2}\|\n/);
  });

  it("prints a Markdown document with a sound diagram", () => {
    review(box.context(), "trial", { markdown: true });
    const [, diagram = ""] = /```mermaid\n(.*?)```/s.exec(box.stdout()) ?? [];
    assert.deepEqual(mermaidProblems(diagram), []);
  });

  it("shows another topology, and --config values, without the stack's own hosts", () => {
    write(
      "config:\n  webinfra:platform: incus\n  webinfra:topology: custom\n  webinfra:hosts:\n" +
        "    - { name: all, roles: [loadBalancer, webServer, appServer, database] }\n",
    );
    const hosts = (result: ReturnType<typeof review>) => [...new Set(result.losses.map(({ host }) => host))];
    assert.deepEqual(hosts(review(box.context(), "trial")), ["all"]);
    assert.deepEqual(hosts(review(box.context(), "trial", withTopology({ topology: "custom", config: [] }))), ["all"]);
    const options = withTopology({ topology: "split-tiers", config: [parseOverride("web=1")] });
    const other = review(box.context(), "trial", options);
    assert.deepEqual(hosts(other), ["lb-1", "web-1", "app-1", "app-2", "db-1", "db-2"]);
  });

  it("suggests the topology that was meant", () => {
    assert.throws(() => review(box.context(), "trial", { config: [parseOverride("topology=split-tier")] }), {
      name: "ConfigError",
      message:
        "The stack's configuration has a problem:\n" +
        '  - webinfra:topology is "split-tier": should be one of "dedicated-databases", "primary-replica-pair", "split-tiers", "replica-per-web", "custom"; did you mean "split-tiers"?',
    });
  });

  it("reviews a stack that was brought up from a file elsewhere", () => {
    const folder = join(box.home, "stacks", "elsewhere");
    mkdirSync(folder, { recursive: true });
    write("config:\n  webinfra:platform: incus\n  webinfra:web: 3\n", join(folder, "Pulumi.elsewhere.yaml"));
    assert.ok(review(box.context(), "elsewhere").losses.some(({ host }) => host === "web-3"));
  });

  it("says that there is no such stack", () => {
    assert.throws(() => review(box.context(), "prod"), /^UserError: there is no stack "prod"/);
  });

  it("needs no secret, and refuses one in another key", () => {
    const config = { "webinfra:platform": "incus", "webinfra:secrets": { token: { secure: "v1:x" } } };
    assert.equal(configOf({ config }).web, 2);
    const wanting = { ...config, "webinfra:secrets": { secure: "v1:x" }, "webinfra:app": { secrets: ["TOKEN"] } };
    assert.deepEqual(configOf({ config: wanting }).app.secrets, ["TOKEN"]);
    assert.throws(
      () => configOf({ config: { ...config, "webinfra:app": { environment: { A: { secure: "v1:x" } } } } }),
      {
        name: "ConfigError",
        message: /webinfra:app holds a secret/,
      },
    );
  });

  it("takes --json or --markdown, not both", async () => {
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    for (const command of line.commands) {
      command.configureOutput({ writeErr: () => undefined });
    }
    await assert.rejects(
      line.parseAsync(["node", "webinfra", "review", "--json", "--markdown"]),
      /option '--json' cannot be used with option '--markdown'/,
    );
  });
});

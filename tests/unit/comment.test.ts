import assert from "node:assert/strict";
import { commentMarker, type PreviewReport, previewComment, type Weakness } from "../../cli/terminal/comment";
import { deployedOf, proposedOf } from "../../cli/engine/compare";
import type { PlannedStep } from "../../cli/engine/progress";
import { parseDeployment } from "../../cli/engine/state";
import { configSchema } from "../../config/schema";
import { type Cost, estimate } from "../../review/cost";
import { place } from "../../topology/place";
import { review, reviewSettings, severitiesOf } from "../../review";

const create: PlannedStep = { op: "create", type: "webinfra:incus:Machine", name: "web-3", diff: [] };
const https: Weakness = { id: "no-https", severity: "high", subject: "site", what: "No HTTPS." };
const backups: Weakness = { id: "no-backups", severity: "high", subject: "site", what: "No backups." };
const costOf = (platform: string, web: number): Cost => {
  const config = configSchema.parse({ platform, web });
  return estimate(place(config), config)!;
};

const quiet: PreviewReport = {
  stack: "prod",
  steps: [],
  unchanged: 12,
  policyPacks: ["webinfra"],
  violations: [],
  waiting: 0,
  waivers: {},
  weaknesses: [https],
  cost: undefined,
  deployed: { weaknesses: [https], monthlyUsd: null },
  failure: undefined,
};
const comment = (changes: Partial<PreviewReport> = {}) => previewComment({ ...quiet, ...changes });
const section = (text: string, title: string) =>
  (text.split(`#### ${title}\n\n`)[1] ?? "").split("\n\n#### ")[0]?.trim() ?? "";

describe("comment: as a whole", () => {
  it("is this text", () => {
    assert.equal(
      comment({
        steps: [create, { op: "update", type: "webinfra:index:Ready", name: "ready", diff: ["machines", "release"] }],
        weaknesses: [https, backups],
      }),
      [
        "<!-- webinfra preview prod -->",
        "### `prod`: 2 changes, 1 new weakness",
        "",
        "#### Resources",
        "",
        "1 to update, 1 to create; 12 unchanged.",
        "",
        "| operation | type | name | what differs |",
        "| --- | --- | --- | --- |",
        "| update | `webinfra:index:Ready` | `ready` | `machines` `release` |",
        "| create | `webinfra:incus:Machine` | `web-3` |  |",
        "",
        "#### Policies",
        "",
        "Every mandatory rule is kept.",
        "",
        "#### Weaknesses",
        "",
        "1 new weakness, 0 gone, 1 as before.",
        "",
        "| severity | weakness | where | what |",
        "| --- | --- | --- | --- |",
        "| high | `no-backups` | `site` | `No backups.` |",
        "",
      ].join("\n"),
    );
  });

  it("starts with a hidden line that names the stack", () => {
    assert.equal(comment().split("\n")[0], commentMarker("prod"));
    assert.notEqual(commentMarker("prod"), commentMarker("production"));
  });
});

describe("comment: resources", () => {
  it("says that nothing changes", () => {
    const text = comment();
    assert.equal(text.split("\n")[1], "### `prod`: 0 changes");
    assert.equal(section(text, "Resources"), "No change to 12 resources.");
  });

  it("shows a replacement once, the gravest first, and leaves the stack out", () => {
    const machine = { type: "webinfra:incus:Machine", name: "web-1", diff: [] };
    const text = comment({
      steps: [
        { ...create, type: "pulumi:pulumi:Stack" },
        create,
        { ...machine, op: "create-replacement" },
        { ...machine, op: "replace", diff: ["userData"] },
        { ...machine, op: "delete-replaced" },
        { ...machine, op: "delete", name: "web-9" },
        { ...machine, op: "discard", name: "web-8" },
        { ...machine, op: "import", name: "web-7" },
      ],
    });
    assert.match(text, /^1 to delete, 1 to let go of, 1 to replace, 1 to import, 1 to create; 12 unchanged\.$/m);
    const rows = section(text, "Resources").split("\n").slice(4);
    assert.deepEqual(
      rows.map((row) => row.split(" | ")[0]),
      ["| delete", "| let go of", "| replace", "| import", "| create"],
    );
    assert.equal(rows[2], "| replace | `webinfra:incus:Machine` | `web-1` | `userData` |");
  });

  it("folds a long list, and cuts one that would not fit", () => {
    const steps = (count: number) => Array.from({ length: count }, (_, n) => ({ ...create, name: `web-${String(n)}` }));
    assert.ok(!comment({ steps: steps(15) }).includes("<details>"));
    assert.match(
      comment({ steps: steps(16), unchanged: 0 }),
      /\n<details><summary>16 to create<\/summary>\n\n\| operation/,
    );
    const long = comment({ steps: steps(5000) });
    assert.ok(long.includes("\n… and 4900 more.\n\n</details>\n"));
    assert.ok(long.length < 20_000);
  });

  it("writes names as code, whatever is in them", () => {
    const odd = { ...create, name: "a|`b`\n@everyone <img>" };
    assert.ok(comment({ steps: [odd] }).includes("| `` a\\|`b` @everyone <img> `` |"));
  });
});

describe("comment: policies", () => {
  const violation = {
    policy: "imdsv2",
    mandatory: true,
    resource: "web-1",
    message: "tokens are optional: require them",
  };

  it("says when the pack did not run", () => {
    assert.equal(section(comment({ policyPacks: [] }), "Policies"), "The policy pack did not run.");
  });

  it("counts the checks that wait for values", () => {
    assert.match(
      section(comment({ waiting: 2 }), "Policies"),
      /kept\.\n\n2 checks wait for `up`: a value is not known yet\.$/,
    );
    assert.match(section(comment({ waiting: 1 }), "Policies"), /^1 check waits for `up`:/m);
  });

  it("shows violations before advice, in the headline too, and the reasons of waivers", () => {
    const text = comment({
      failure: "",
      violations: [
        { policy: "waived-rules", mandatory: false, message: "production-https is waived (a test)" },
        violation,
      ],
      waivers: { "production-https": "a test that needs none" },
    });
    assert.equal(text.split("\n")[1], "### `prod`: 0 changes, 1 violation");
    assert.equal(
      section(text, "Policies"),
      [
        "**1 violation**: this cannot be deployed.",
        "",
        "| rule |  | resource | what |",
        "| --- | --- | --- | --- |",
        "| `imdsv2` | **violated** | `web-1` | `tokens are optional: require them` |",
        "| `waived-rules` | advice |  | `production-https is waived (a test)` |",
        "",
        "Waived by the configuration:",
        "",
        "- `production-https`: `a test that needs none`",
      ].join("\n"),
    );
  });
});

describe("comment: weaknesses", () => {
  it("names those that are gone, and calls one that became worse new", () => {
    const worse = { ...https, severity: "critical" as const };
    const text = comment({ weaknesses: [worse], deployed: { weaknesses: [https, backups], monthlyUsd: null } });
    assert.match(section(text, "Weaknesses"), /^1 new weakness, 2 gone, 0 as before\.\n/);
    assert.match(text, /^\| critical \| `no-https` \| `site` \| `No HTTPS\.` \|$/m);
    assert.match(text, /^Gone: `no-https`, `no-backups`\.$/m);
  });

  it("writes where and what as code, whatever is in them", () => {
    const odd: Weakness = { ...backups, subject: "db-1 | @everyone", what: "`x`\n<img src=y> [z](/)" };
    const row = "| high | `no-backups` | `db-1 \\| @everyone` | `` `x` <img src=y> [z](/) `` |";
    assert.equal(
      section(comment({ weaknesses: [odd] }), "Weaknesses")
        .split("\n")
        .at(4),
      row,
    );
  });

  it("shows all of them when nothing is deployed, and when the last update left none to compare with", () => {
    const never = comment({ deployed: undefined });
    assert.match(section(never, "Weaknesses"), /^Nothing is deployed: all of them\.\n[^]*`no-https`/);
    const failed = comment({ deployed: { weaknesses: undefined, monthlyUsd: undefined } });
    assert.match(failed, /^The last update left no review to compare with: all of them\.$/m);
    assert.equal(failed.split("\n")[1], "### `prod`: 0 changes");
  });

  it("are not told of a configuration that is not sound", () => {
    assert.ok(!comment({ weaknesses: undefined }).includes("Weaknesses"));
  });
});

describe("comment: cost", () => {
  const against = (before: number | null | undefined, cost: Cost | undefined = costOf("digitalocean", 3)) =>
    comment({ cost, deployed: { weaknesses: [https], monthlyUsd: before } });

  it("gives the total and the difference to what is deployed", () => {
    const text = against(93);
    assert.equal(text.split("\n")[1], "### `prod`: 0 changes, +12.00 USD a month");
    assert.match(
      section(text, "Cost"),
      /^\*\*105\.00 USD\*\* a month, \+12\.00 USD against what is deployed\.\n\n<details>/,
    );
    assert.match(text, /^\| total \| 105\.00 \| {2}\|$/m);
    assert.match(against(110.1), /\*\*105\.00 USD\*\* a month, -5\.10 USD against what is deployed\./);
    assert.match(against(105), /\*\*105\.00 USD\*\* a month, as what is deployed\./);
  });

  it("says what is not known", () => {
    assert.match(against(null), /a month, the difference is not known\./);
    assert.match(against(undefined), /a month, the difference is not known\./);
    assert.match(against(93, { ...costOf("aws", 2), monthlyUsd: null }), /\*\*unknown\*\* a month, the difference is/);
    assert.match(comment({ cost: costOf("aws", 2), deployed: undefined }), /a month, nothing is deployed\./);
  });

  it("has no section on incus", () => {
    assert.ok(!comment().includes("Cost"));
  });
});

describe("comment: of a preview that failed", () => {
  it("says so, with the reason where it may be shown", () => {
    const text = comment({ failure: "webinfra:web is 0\n```\nmore", unchanged: 0 });
    assert.equal(text.split("\n")[1], "### `prod`: failed");
    assert.ok(
      text.includes(
        "\n**The preview failed.** The job's log says more.\n\n```text\nwebinfra:web is 0\n'''\nmore\n```\n",
      ),
    );
    assert.equal(section(text, "Resources"), "Not known.");
    assert.ok(!comment({ failure: "" }).includes("```"));
  });
});

describe("comment: its two sides", () => {
  const stackResource = (outputs: Readonly<Record<string, unknown>>) => ({
    urn: "urn:pulumi:prod::webinfra::pulumi:pulumi:Stack::webinfra-prod",
    type: "pulumi:pulumi:Stack",
    outputs,
  });
  const host = { urn: "urn:pulumi:prod::webinfra::webinfra:index:Host::web-1", type: "webinfra:index:Host" };
  const config = configSchema.parse({ platform: "aws" });
  const found = review(place(config), reviewSettings(config, place(config)));

  it("reads the review and the cost of the last update, also of one by an older version, which wrote all of them", () => {
    const cost = estimate(place(config), config);
    for (const written of [
      { review: severitiesOf(found), cost: { monthlyUsd: cost?.monthlyUsd } },
      { review: found, cost },
    ]) {
      const outputs = JSON.parse(JSON.stringify(written)) as object;
      assert.deepEqual(deployedOf(parseDeployment({ resources: [stackResource({ ...outputs }), host] })), {
        weaknesses: found.findings.map(({ id, severity }) => ({ id, severity })),
        monthlyUsd: 171.82,
      });
    }
    assert.equal(
      deployedOf(parseDeployment({ resources: [stackResource({ review: "none" }), host] }))?.weaknesses,
      undefined,
    );
    assert.equal(
      deployedOf(parseDeployment({ resources: [stackResource({ cost: null }), host] }))?.monthlyUsd,
      undefined,
    );
  });

  it("tells a stack with nothing in it from one whose last update failed", () => {
    assert.equal(deployedOf(parseDeployment(undefined)), undefined);
    assert.equal(deployedOf(parseDeployment({ resources: [stackResource({})] })), undefined);
    assert.deepEqual(deployedOf(parseDeployment({ resources: [stackResource({}), host] })), {
      weaknesses: undefined,
      monthlyUsd: undefined,
    });
  });

  it("takes the configuration's review, cost and waivers, and nothing of one that is not sound", () => {
    const waivers = { "production-https": "a test that needs none" };
    const settings = { "webinfra:platform": "aws", "webinfra:policy": { waivers } };
    const proposed = proposedOf({ config: settings });
    assert.deepEqual([proposed.waivers, proposed.cost?.monthlyUsd], [waivers, 171.82]);
    assert.deepEqual(proposed.weaknesses, found.findings);
    assert.deepEqual(proposedOf({ config: { ...settings, "webinfra:web": 0 } }), {
      waivers: {},
      weaknesses: undefined,
      cost: undefined,
    });
  });
});

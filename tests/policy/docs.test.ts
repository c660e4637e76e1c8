import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { rules } from "../../policy/rules";
import { markdownTable } from "../../core/markdown";

const file = join(__dirname, "../../docs/policies.md");
const scopes = { aws: "AWS", digitalocean: "DigitalOcean", site: "stack" } as const;

describe("policy: docs/policies.md", () => {
  it("lists the rules as they are", async () => {
    const written = readFileSync(file, "utf8");
    const [, before = "", , after = ""] =
      /^([^]*<!-- rules: .* -->\n)([^]*)(<!-- \/rules -->[^]*)$/.exec(written) ?? [];
    const rows = rules.map(({ name, description, scopes: of, remediation }) => [
      `\`${name}\``,
      description,
      of.map((scope) => scopes[scope]).join(", "),
      remediation,
    ]);
    const table = markdownTable(["rule", "what must hold", "where", "what to do"], rows).join("\n");
    const right = await format(`${before}\n${table}\n\n${after}`, { ...(await resolveConfig(file)), filepath: file });
    assert.equal(written, right);
  });
});

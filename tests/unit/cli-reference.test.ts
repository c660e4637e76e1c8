import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { configurationKeys, configurationMarkdown, stackFileSchema } from "../../config/reference";
import { generated } from "../../docs/generate";

const root = join(__dirname, "..", "..");

describe("configuration reference", () => {
  it("is what `npm run docs` writes", async () => {
    for (const [path, text] of Object.entries(await generated(root))) {
      assert.equal(readFileSync(join(root, path), "utf8"), text, `${path} is stale: run \`npm run docs\``);
    }
  });

  it("says what every key means, in the schema's .meta({ description })", () => {
    const undescribed = configurationKeys().filter(({ description }) => description === "");
    assert.deepEqual(
      undescribed.map(({ path }) => path),
      [],
    );
  });

  it("takes what is allowed, the default and the need for a key from the schema", () => {
    const keys = new Map(configurationKeys().map((key) => [key.path, key]));
    const of = (path: string) => {
      const { allowed, default: fallback, required } = keys.get(path)!;
      return [allowed, fallback, required];
    };
    assert.deepEqual(of("platform"), ['one of "incus", "aws", "digitalocean"', undefined, true]);
    assert.deepEqual(of("web"), ["a whole number from 1 to 100", "2", false]);
    assert.deepEqual(of("app.packages"), ["list; each the name of a Debian package", '["nodejs"]', false]);
    assert.deepEqual(of("mysql.source.pins[].priority"), ["a whole number from -1 to 1001", undefined, true]);
    assert.deepEqual(of("mysql.protect"), ["true or false", undefined, false]);
    assert.match(configurationMarkdown(), /^\| `web` \| .+ \| a whole number from 1 to 100 \| `2` \|$/m);
  });
});

describe("stack files' JSON Schema", () => {
  const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(stackFileSchema());
  const problems = (config: Readonly<Record<string, unknown>>): string[] => {
    validate({ config: { "webinfra:platform": "incus", ...config } });
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
  };

  for (const name of readdirSync(root).filter((file) => /^Pulumi\..+\.yaml$/.test(file))) {
    it(`takes ${name}`, () => {
      assert.equal(validate(parse(readFileSync(join(root, name), "utf8"))), true, JSON.stringify(validate.errors));
    });
  }

  it("takes other namespaces and what Pulumi itself keeps in the file", () => {
    assert.deepEqual(problems({ "aws:region": "eu-central-1" }), []);
    assert.equal(validate({ config: { "webinfra:platform": "incus" }, encryptionsalt: "v1:x" }), true);
  });

  it("flags unknown keys of ours, wrong values and a missing platform", () => {
    assert.deepEqual(problems({ "webinfra:wbe": 2 }), ["/config must NOT have additional properties"]);
    assert.deepEqual(problems({ web: 2 }), ["/config must NOT have additional properties"]);
    assert.equal(validate({ config: { "webinfra:platform": "incus" }, confg: {} }), false);
    assert.deepEqual(problems({ "webinfra:web": 0 }), ["/config/webinfra:web must be >= 1"]);
    assert.deepEqual(problems({ "webinfra:app": { prot: 1 } }), [
      "/config/webinfra:app must NOT have additional properties",
    ]);
    assert.equal(validate({ config: {} }), false);
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parse, stringify } from "yaml";
import { hostsImage } from "../../components/infrastructure";
import { parseConfig, type RawConfig } from "../../config/parse";
import site from "../../index";
import type { HostFile } from "../../services/contract";
import { place } from "../../topology/place";
import { checkGolden } from "../support/golden";
import { definitionOf, devRawConfig, type HostView, userDataOf, viewsOf } from "../support/hosts";
import { temporaryHome } from "../support/home";
import { graphText } from "../support/graph";
import { runProgram } from "../support/program";

const root = join(__dirname, "..", "..");

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
}

/** Files that hosts get as they stand in the repository, by what they hold: a golden copy would only repeat them. */
const sources = new Map(
  ["host/bootstrap", "services"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/\.(ts|liquid)$/.test(entry.name))
        .map((entry) => relative(root, join(entry.parentPath, entry.name))),
    )
    .concat("host/launcher.py")
    .map((path) => [readFileSync(join(root, path), "utf8"), path]),
);

/** A machine's files as a folder, those of its definition among them, and what lists them: cloud-config.yaml and definition.yaml. */
function folderOf(userData: string, defined: readonly HostFile[] = []): ReadonlyMap<string, string> {
  const document = parse(userData) as CloudConfig;
  const files = new Map<string, string>();
  const put = (path: string, content: string) => {
    const source = sources.get(content);
    // What it names has files of its own here.
    const text = path.endsWith("/definition") ? content.replace(/[0-9a-f]{64}/g, "HASH") : content;
    if (source === undefined) {
      files.set(path.slice(1), text);
    }
    return `<${source ?? "the file beside this one"}>`;
  };
  if (defined.length > 0) {
    files.set(
      "definition.yaml",
      stringify(defined.map(({ path, mode, content }) => ({ path, mode, content: put(path, content) }))),
    );
  }
  const listed = document.write_files.map(({ path, permissions, content }) => ({
    path,
    permissions,
    content: put(path, content),
  }));
  return files.set("cloud-config.yaml", `#cloud-config\n${stringify({ ...document, write_files: listed })}`);
}

/** The files of a host's definition. */
const definedFiles = (view: HostView): readonly HostFile[] => JSON.parse(definitionOf(view)) as readonly HostFile[];

/** The stacks whose graphs are kept. */
const stacks: Readonly<Record<string, RawConfig>> = {
  dev: {},
  "dev-three-web-two-replicas": { web: "3", replicas: "2" },
  "dev-primary-replica-pair": { topology: "primary-replica-pair" },
  "dev-split-tiers": { topology: "split-tiers", balancing: "active-passive" },
  "dev-replica-per-web": { topology: "replica-per-web", mysql: '{"protect":true}' },
};

describe("golden: the files of every host of dedicated-databases", () => {
  for (const view of viewsOf(parseConfig(devRawConfig()))) {
    it(view.host.name, () =>
      checkGolden(join("dedicated-databases", view.host.name), folderOf(userDataOf(view), definedFiles(view))),
    );
  }

  it("the image that they start from", () => {
    const config = parseConfig(devRawConfig());
    checkGolden("image", folderOf(hostsImage(config, place(config))));
  });

  it("holds no other host", () => {
    const hosts = viewsOf(parseConfig(devRawConfig())).map(({ host }) => host.name);
    assert.deepEqual(readdirSync(join(root, "tests", "golden", "dedicated-databases")).sort(), [...hosts].sort());
  });
});

describe("golden: what the engine is asked to make", () => {
  const home = temporaryHome();

  for (const [name, changes] of Object.entries(stacks)) {
    it(name, async () => {
      const app = { app: JSON.stringify({ directory: "tests/fixtures/app" }) };
      const resources = await runProgram(site, { config: devRawConfig({ ...app, ...changes }) });
      checkGolden(join("graphs", name), new Map([["resources.json", graphText(resources, home())]]));
    });
  }
});

describe("golden: the check itself", () => {
  let golden: string;
  const check = (files: Readonly<Record<string, string>>, update = false): void =>
    checkGolden("x", new Map(Object.entries(files)), { root: golden, update });

  beforeEach(() => {
    golden = mkdtempSync(join(tmpdir(), "webinfra-golden-"));
    check({ a: "1\n2\n", "b/c": "3\n" }, true);
  });
  afterEach(() => rmSync(golden, { recursive: true }));

  it("is silent when nothing changed", () => check({ a: "1\n2\n", "b/c": "3\n" }));

  it("names the file, the line and what to do", () => {
    assert.throws(
      () => check({ a: "1\nx\n", "b/c": "3\n" }),
      /^AssertionError \[ERR_ASSERTION\]: x\/a line 2: was "2", is "x": when that is meant, run UPDATE_GOLDEN=1 npm run test:unit and commit what changed/,
    );
  });

  it("fails on a file too few and on a stale one", () => {
    assert.throws(() => check({ a: "1\n2\n" }), /golden files of x: when that is meant/);
    assert.throws(() => check({ a: "1\n2\n", "b/c": "3\n", d: "" }), /golden files of x: when that is meant/);
  });

  it("takes over what changed and removes what is stale, only when told", () => {
    writeFileSync(join(golden, "x", "stale"), "");
    assert.throws(() => check({ a: "4\n" }));
    check({ a: "4\n" }, true);
    check({ a: "4\n" });
    assert.deepEqual(readdirSync(join(golden, "x")), ["a"]);
  });
});

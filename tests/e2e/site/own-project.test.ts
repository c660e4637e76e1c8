/** A team's own repository: the package installed into an empty folder, a site made by init, and the team's own application and resources in it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { figure, manage, repository, Site } from "../../support/site";

const run = promisify(execFile);

const application = `
const { createServer } = require("node:http");
createServer((request, response) => response.end(\`The shop, by \${process.env.SERVER_NAME}\`)).listen(
  Number(process.env.PORT),
  process.env.HOST,
);
`;

const program = `
import * as pulumi from "@pulumi/pulumi";
import { WebInfrastructure } from "webinfra";

class Record extends pulumi.ComponentResource {
  constructor(name: string, args: { readonly target: pulumi.Input<string | undefined> }) {
    super("shop:index:Record", name, args);
    this.registerOutputs();
  }
}

export = () => {
  const site = new WebInfrastructure("site", { directory: __dirname });
  new Record("www", { target: site.addresses.apply(([address]) => address) });
  return { ...site.outputs, shop: pulumi.interpolate\`the shop at \${site.url}\` };
};
`;

/** The repository's committed and new files in a folder of their own: what npm builds when it packs must not change what other tests read. */
async function packed(folder: string): Promise<string> {
  const copy = join(folder, "packing");
  mkdirSync(copy, { recursive: true });
  const script =
    'git -C "$1" ls-files -z --cached --others --exclude-standard | (cd "$1" && xargs -0 ls -d 2>/dev/null) | tar -c -C "$1" -T - | tar -x -C "$2"';
  await run("bash", ["-euo", "pipefail", "-c", script, "-", repository, copy]);
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: copy });
  return join(folder, stdout.trim().split("\n").at(-1) ?? "");
}

describe("a project of one's own", function () {
  this.timeout(600_000);

  const site = new Site();
  const project = join(site.directory, "shop");
  // As a user has it: nothing of this repository is on the path.
  const path = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(join(repository, "node_modules")))
    .join(delimiter);
  const inProject = (command: string, ...args: readonly string[]) =>
    run(command, args, { cwd: project, env: { ...site.environment(), PATH: path }, timeout: 500_000 });
  const webinfra = (...args: readonly string[]) => inProject("npx", "webinfra", ...args);

  // Before the other, which looks whether anything is left.
  after(async () => {
    if (existsSync(join(project, `Pulumi.${site.stack}.yaml`))) {
      await webinfra("down", "--stack", site.stack, "--delete-data", "--yes");
    }
  });
  manage(site);

  before("install the package into an empty folder", async () => {
    mkdirSync(join(project, "web"), { recursive: true });
    const archive = await packed(site.directory);
    const began = Date.now();
    await inProject("npm", "install", "--no-progress", "--loglevel", "error", archive);
    figure("own project: npm install", (Date.now() - began) / 1000, "s");
  });

  it("is made by init, and its program is sound", async () => {
    writeFileSync(join(project, "web", "server.js"), application);
    const { stdout } = await webinfra("init", "--app", "web", "--yes");
    assert.match(stdout, /^next: `npx webinfra setup`, which gets this machine ready, and `npx webinfra up`$/m);
    await inProject(join(repository, "node_modules", ".bin", "tsc"), "--project", project);
    // A stack of its own name, and as few hosts as there can be.
    const file = join(project, `Pulumi.${site.stack}.yaml`);
    renameSync(join(project, "Pulumi.dev.yaml"), file);
    await webinfra("config", "set", "web=1", "replicas=0", "--stack", site.stack);
    assert.match(readFileSync(file, "utf8"), /^ {2}webinfra:web: 1$/m);
    assert.match((await webinfra("validate")).stdout, /: sound$/m);
  });

  it("comes up with the application in it and a resource beside it, and says so to the program", async () => {
    writeFileSync(join(project, "index.ts"), program);
    await inProject(join(repository, "node_modules", ".bin", "tsc"), "--project", project);
    const { stdout } = await webinfra("up", "--stack", site.stack, "--json");
    const { url, outputs } = JSON.parse(stdout) as { readonly url: string; readonly outputs: Record<string, unknown> };
    assert.equal(outputs["shop"], `the shop at ${url}`);
    assert.equal(await (await fetch(url)).text(), "The shop, by web-1");
    const status = await webinfra("status", "--stack", site.stack);
    assert.match(status.stdout, /^web-1 .*healthy/m);
    const state = readdirSync(join(site.home, "state", ".pulumi", "stacks", "shop"));
    assert.ok(state.includes(`${site.stack}.json`), state.join(" "));
  });

  it("has nothing to change after that, for the command and for plain Pulumi", async () => {
    const { stdout } = await webinfra("up", "--stack", site.stack);
    assert.match(stdout, /everything is as it should be, nothing changed$/m);
    const plain = `eval "$(npx webinfra env --stack ${site.stack})" && pulumi preview --expect-no-changes --non-interactive`;
    const previewed = await inProject("bash", "-euo", "pipefail", "-c", plain);
    assert.match(previewed.stdout, /unchanged/);
  });

  it("is held to the policies", async () => {
    const refused = await webinfra("up", "--stack", site.stack, "--yes", "--config", "production=true").then(
      () => assert.fail("not refused"),
      (error: unknown) => error as { readonly stderr: string },
    );
    assert.match(refused.stderr, /^webinfra: up is refused by \d rules of the policy pack:$/m);
    assert.match(refused.stderr, /^ {2}production-https \(site\): /m);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { namesOnDisk } from "../../cli/commands/complete";
import { open, openerCommand } from "../../cli/commands/open";
import { complete, completionScript } from "../../cli/completion";
import { commandLine } from "../../cli/main";
import { type Sandbox, sandbox } from "../support/cli";

const program = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
const names = { stacks: () => ["dev", "staging"], hosts: (stack: string) => [`${stack}-lb-1`, `${stack}-web-1`] };
const completed = (...words: string[]) => complete(program, words, names);

describe("cli: completion", () => {
  it("knows the commands, but not the hidden one", () => {
    assert.deepEqual(completed("st"), ["status"]);
    assert.ok(completed("").includes("up"));
    assert.deepEqual(completed("__"), []);
  });

  it("knows stacks, hosts of the stack that is named, topologies and shells", () => {
    assert.deepEqual(completed("status", ""), ["dev", "staging"]);
    assert.deepEqual(completed("logs", ""), ["dev-lb-1", "dev-web-1"]);
    assert.deepEqual(completed("logs", "--stack", "staging", "staging-w"), ["staging-web-1"]);
    assert.deepEqual(completed("exec", "--stack", "s"), ["staging"]);
    assert.deepEqual(completed("up", "--topology", "sp"), ["split-tiers"]);
    assert.deepEqual(completed("completion", ""), ["bash", "fish", "zsh"]);
  });

  it("knows a command's own commands, and what these take", () => {
    assert.deepEqual(completed("database", ""), ["promote"]);
    assert.deepEqual(completed("database", "promote", ""), ["dev-lb-1", "dev-web-1"]);
    assert.deepEqual(completed("database", "promote", "--f"), ["--force"]);
    assert.deepEqual(completed("replace", ""), ["dev-lb-1", "dev-web-1"]);
    assert.deepEqual(completed("restart", ""), ["app"]);
    assert.deepEqual(completed("restart", "app", ""), ["dev-lb-1", "dev-web-1"]);
    assert.deepEqual(completed("restart", "app", "--stack", "staging", "staging-w"), ["staging-web-1"]);
    assert.deepEqual(completed("rollback", ""), []);
    assert.deepEqual(completed("mysql", "--p"), ["--port-forward"]);
    assert.deepEqual(completed("dev", "--stack", "s"), ["staging"]);
    assert.deepEqual(completed("replace", "web-1", "--d"), ["--discard-data"]);
    assert.deepEqual(completed("database", "demote", ""), []);
  });

  it("knows a command's options, each once, but those that are repeatable", () => {
    assert.deepEqual(completed("status", "--"), ["--help", "--json", "--stack", "--watch"]);
    assert.deepEqual(completed("status", "--json", "-s", "dev", "--w"), ["--watch"]);
    assert.ok(completed("up", "--config", "web=3", "--").includes("--config"));
  });

  it("leaves to the shell what it cannot know", () => {
    assert.deepEqual(completed("exec", "web-1", "--", ""), []);
    assert.deepEqual(completed("nothing", ""), []);
    assert.deepEqual(completed("up", "--config-file", ""), []);
    assert.deepEqual(completed("status", "dev", ""), []);
  });

  it("works in bash", () => {
    const box = sandbox();
    try {
      // A stand-in that shows what it was asked.
      const command = join(box.directory, "webinfra");
      writeFileSync(command, '#!/bin/sh\nprintf "%s\\n" "asked:$*" "two words"\n');
      chmodSync(command, 0o755);
      const script = `${completionScript("bash")}COMP_WORDS=(${command} up --re); COMP_CWORD=2; _webinfra; printf '[%s]' "\${COMPREPLY[@]}"; complete -p webinfra`;
      assert.equal(
        execFileSync("bash", ["-c", script], { encoding: "utf8" }),
        "[asked:__complete -- up --re][two words]complete -o default -F _webinfra webinfra\n",
      );
    } finally {
      box.remove();
    }
  });

  it("asks the hidden command in zsh and fish, too", () => {
    for (const shell of ["zsh", "fish"] as const) {
      assert.match(completionScript(shell), / __complete -- /);
    }
  });
});

describe("cli: names on this machine", () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
    const folder = join(box.home, "state", ".pulumi", "stacks", "webinfra");
    mkdirSync(folder, { recursive: true });
    const resources = [
      { urn: "u", type: "pulumi:pulumi:Stack", outputs: { url: "http://10.77.0.5" } },
      { urn: "u", type: "webinfra:incus:Machine", id: "m", outputs: { host: "web-1", roles: ["webServer"] } },
    ];
    writeFileSync(join(folder, "other.json"), JSON.stringify({ checkpoint: { latest: { resources } } }));
  });
  afterEach(() => box.remove());

  it("come from the stacks' files and the state", () => {
    const onDisk = namesOnDisk(box.context());
    assert.deepEqual(onDisk.stacks(), ["trial", "other"]);
    assert.deepEqual(onDisk.hosts("other"), ["web-1"]);
    assert.deepEqual([onDisk.hosts("trial"), onDisk.hosts("../x")], [[], []]);
  });

  it("lead to the site's address", async () => {
    await open(box.context({ json: true }), "other", { print: true });
    assert.deepEqual(JSON.parse(box.stdout()), { stack: "other", url: "http://10.77.0.5", opened: false });
  });

  it("give no address for a stack that is not up or not there", async () => {
    await assert.rejects(open(box.context(), "trial", {}), {
      message: 'the stack "trial" has no site to open; `webinfra up --stack trial` brings it up',
    });
    await assert.rejects(open(box.context(), "trail", {}), /there is no stack "trail" \(did you mean "trial"\?\)/);
  });

  it("open where there is a display", () => {
    assert.equal(openerCommand({}, "linux"), undefined);
    assert.equal(openerCommand({ DISPLAY: ":0" }, "linux"), "xdg-open");
    assert.equal(openerCommand({ WAYLAND_DISPLAY: "wayland-0" }, "linux"), "xdg-open");
    assert.equal(openerCommand({}, "darwin"), "open");
  });
});

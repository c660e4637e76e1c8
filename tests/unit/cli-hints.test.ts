import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { commandLine } from "../../cli/main";
import { surroundingsOf, withRunnableHints } from "../../cli/terminal/hints";
import { Output } from "../../cli/terminal/output";

const root = join(__dirname, "..", "..");
const onStacks = new Set(["up", "status", "exec", "env", "database"]);
const here = { launcher: "./webinfra", repository: "", stack: "dev", onStacks };

describe("cli: hints", () => {
  it("are called as the command is called here", () => {
    const shown = (text: string, launcher: string): string => withRunnableHints(text, { ...here, launcher });
    assert.equal(shown("run `webinfra up` again", "./webinfra"), "run `./webinfra up` again");
    assert.equal(shown("`webinfra` alone", "../site/webinfra"), "`../site/webinfra` alone");
    assert.equal(
      shown('`eval "$(webinfra env)" && pulumi cancel`', "/x/webinfra"),
      '`eval "$(/x/webinfra env)" && pulumi cancel`',
    );
    assert.equal(
      shown("`webinfra config unset a && webinfra config set b=1`", "w"),
      "`w config unset a && w config set b=1`",
    );
    assert.equal(
      shown("webinfra:web in `webinfra:web`, webinfra up", "w"),
      "webinfra:web in `webinfra:web`, webinfra up",
    );
  });

  it("name the stack where it is not the default, once, and before what is for a host", () => {
    const shown = (text: string): string => withRunnableHints(text, { ...here, stack: "prod" });
    assert.equal(shown("`webinfra up`"), "`./webinfra up --stack prod`");
    assert.equal(shown("`webinfra up --stack prod --refresh`"), "`./webinfra up --stack prod --refresh`");
    assert.equal(shown("`webinfra exec web-1 -- ls`"), "`./webinfra exec web-1 --stack prod -- ls`");
    assert.equal(shown('`eval "$(webinfra env)"`'), '`eval "$(./webinfra env --stack prod)"`');
    assert.equal(shown("`webinfra doctor`"), "`./webinfra doctor`");
    assert.equal(withRunnableHints("`webinfra up`", here), "`./webinfra up`");
  });

  it("go to the repository where a command works only there", () => {
    const shown = (repository: string): string => withRunnableHints("run `npm run setup`", { ...here, repository });
    assert.equal(shown(""), "run `npm run setup`");
    assert.equal(shown("../my site"), "run `(cd '../my site' && npm run setup)`");
  });

  describe("know the shell", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "webinfra-hints-"));
      mkdirSync(join(folder, "site"));
      mkdirSync(join(folder, "bin"));
      writeFileSync(join(folder, "site", "webinfra"), "");
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    const at = (directory: string, environment: Readonly<Record<string, string>> = {}) =>
      surroundingsOf({
        packageFolder: join(folder, "site"),
        project: { folder: join(folder, "site"), own: false },
        environment: { PATH: `${join(folder, "bin")}:/bin`, ...environment },
        directory: join(folder, directory),
      });

    it("from its folder", () => {
      assert.deepEqual(at("site"), { launcher: "./webinfra", repository: "" });
      assert.deepEqual(at("bin"), { launcher: "../site/webinfra", repository: "../site" });
      assert.deepEqual(
        at("site/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3").launcher,
        join(folder, "site/webinfra"),
      );
    });

    it("from its PATH, where another webinfra may come first", () => {
      symlinkSync(join(folder, "site", "webinfra"), join(folder, "bin", "webinfra"));
      assert.equal(at("bin").launcher, "webinfra");
      mkdirSync(join(folder, "other"));
      writeFileSync(join(folder, "other", "webinfra"), "");
      assert.equal(at("bin", { PATH: `${join(folder, "other")}:${join(folder, "bin")}` }).launcher, "../site/webinfra");
    });

    it("behind npm, which changes the folder and the PATH", () => {
      const bin = join(folder, "site", "node_modules", ".bin");
      mkdirSync(bin, { recursive: true });
      symlinkSync(join(folder, "site", "webinfra"), join(bin, "webinfra"));
      const npm = { npm_lifecycle_event: "up", INIT_CWD: join(folder, "bin"), PATH: `${bin}:/bin` };
      assert.equal(at("site", npm).launcher, "../site/webinfra");
    });
  });

  /** Every text between backticks that calls the command, in what the product says; what is filled in stands for itself. */
  const said = (): readonly string[] => {
    const folders = [
      "cli",
      "operations",
      "provider",
      "components",
      "config",
      "core",
      "review",
      "policy",
      "topology",
      "host/webinfra",
    ];
    const files = folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(ts|py)$/.test(name) && !/node_modules|\.venv|tests\//.test(name))
        .map((name) => join(root, folder, name)),
    );
    const texts = files.flatMap((file) =>
      // A line of a comment says what a command is called, not how it is.
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => !/^\s*(\*|\/\*\*|\/\/|#)/.test(line))
        .flatMap((line) =>
          [...line.matchAll(/(?:\\`|"[^"]*?`)((?:eval "\$\()?webinfra [a-z][^`]*?)\\?`/g)].map(([, hint = ""]) => hint),
        ),
    );
    return [...new Set(texts)];
  };

  it("are all of commands that there are, with options that they take, and nothing left to fill in", async () => {
    const hints = said();
    assert.ok(
      hints.length > 30,
      `only ${String(hints.length)} hints were found: they are looked for in the wrong places`,
    );
    const calls = hints.flatMap((hint) =>
      [...hint.matchAll(/(?:^|\$\(|&& )(webinfra [^`)&]*)/g)].map(([, call = ""]) => call),
    );
    for (const call of calls) {
      const words = call
        .replace(/\\+$/, "")
        .replace(/\$\{words\}|\$\{\[?"[^}]*\}/g, "")
        .replace(/\$\{what\}/g, "up")
        .replace(/\$\{[^}]*\}/g, "x-1")
        .trim()
        .split(/ +/)
        .slice(1);
      assert.doesNotMatch(call, /\b[A-Z]{3,}\b/, `${call}: whoever pastes it has to fill something in`);
      const line = commandLine({ context: () => Promise.reject(new Error("reached")), exit: () => undefined });
      const quiet = (command: Command): void => {
        command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).exitOverride();
        command.commands.forEach(quiet);
      };
      quiet(line);
      await assert.rejects(line.parseAsync(["node", "webinfra", ...words]), { message: "reached" }, call);
    }
  });
});

describe("cli: what goes to a terminal", () => {
  const written = (tty: boolean, environment: Readonly<Record<string, string>> = {}, columns = 80): Output =>
    new Output(false, {
      streams: { stdout: { write: () => true, isTTY: tty, columns }, stderr: { write: () => true } },
      environment,
    });
  const coloured = (output: Output): boolean => output.colours.red("x") !== "x";

  it("has colours, and nothing else has, unless the user says so", () => {
    assert.equal(coloured(written(true)), true);
    assert.equal(coloured(written(false)), false);
    assert.equal(coloured(written(true, { NO_COLOR: "1" })), false);
    assert.equal(coloured(written(true, { NO_COLOR: "" })), true);
    assert.equal(coloured(written(true, { TERM: "dumb" })), false);
    assert.equal(coloured(written(false, { FORCE_COLOR: "1" })), true);
    assert.equal(coloured(written(true, { FORCE_COLOR: "0" })), false);
    assert.equal(coloured(written(false, { FORCE_COLOR: "1", NO_COLOR: "1" })), false);
  });

  it("has as many columns as the terminal, and no end in a pipe", () => {
    assert.equal(written(true, {}, 44).columns, 44);
    assert.equal(written(false, {}, 44).columns, Infinity);
    assert.equal(written(true, {}, 0).columns, Infinity);
  });

  it("has short digests", () => {
    const digest = "0123456789abcdef".repeat(4);
    // What is to be pasted stays whole.
    assert.equal(written(false).shown(`\`webinfra config set a=${digest}\``), `\`webinfra config set a=${digest}\``);
    assert.equal(
      written(false).shown(`release ${digest}: ${digest.slice(1)}`),
      `release 0123456789ab: ${digest.slice(1)}`,
    );
  });

  it("may be read in part: what reads stops, and the command does not fail", () => {
    const script = `set -o pipefail; "${join(root, "webinfra")}" review | true; echo "\${PIPESTATUS[0]}"`;
    assert.equal(execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: root, stdio: "pipe" }), "0\n");
  });
});

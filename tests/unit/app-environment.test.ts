import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { applicationVariables } from "../../services/app/environment";
import { devConfig, filesOf, viewsOf } from "../support/hosts";

const root = join(__dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Names that a file for systemd sets. */
const namesIn = (content: string): string[] => [...content.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name!);

describe("the application's environment", () => {
  const view = viewsOf(devConfig()).find(({ roles }) => roles.includes("appServer"));
  assert.ok(view);
  const file = (path: string): string => {
    const found = filesOf(view).find((one) => one.path === path);
    assert.ok(found, path);
    return found.content;
  };
  const { host, colour, machine, release } = applicationVariables;

  it("is set by files that the unit names, and by no other", () => {
    assert.deepEqual(file("/etc/systemd/system/webinfra-app@.service").match(/^EnvironmentFile=.*$/gm), [
      "EnvironmentFile=/etc/webinfra/app.env",
      "EnvironmentFile=/etc/webinfra/app-%i.env",
      "EnvironmentFile=/etc/webinfra/machine.env",
      "EnvironmentFile=-/var/lib/webinfra/app-release.%i",
      "EnvironmentFile=-/etc/webinfra/secrets/app-environment.%i",
    ]);
    assert.doesNotMatch(file("/etc/systemd/system/webinfra-app@.service"), /^(Environment|PassEnvironment)=/m);
  });

  it("has the variables that are listed, file by file", () => {
    assert.deepEqual(namesIn(file("/etc/webinfra/app.env")).sort(), [...host].sort());
    for (const one of ["blue", "green"]) {
      assert.deepEqual(namesIn(file(`/etc/webinfra/app-${one}.env`)), colour);
    }
    // Written by a script and by a program of the host, when it is known.
    const [, written = ""] =
      /write \/etc\/webinfra\/machine\.env "([^"]*)"/.exec(read("host/bootstrap/identify")) ?? [];
    assert.deepEqual(namesIn(written), machine);
    const [, set] = /RELEASE_ENVIRONMENT\}\.\{new\}", f"(.*)\\n"/.exec(read("host/webinfra/release.py")) ?? [];
    assert.equal(set, `${release.join()}={wanted}`);
    assert.match(read("host/webinfra/places.py"), /^RELEASE_ENVIRONMENT = "\/var\/lib\/webinfra\/app-release"$/m);
  });

  it("is described whole, and nothing else is", () => {
    const [, section = ""] = /^## Environment variables\n([^]*?)^## /m.exec(read("docs/applications.md")) ?? [];
    const cells = section.split("\n").filter((line) => line.startsWith("| `"));
    const described = cells.flatMap((line) => [...line.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    assert.deepEqual(described.sort(), [...host, ...colour, ...machine, ...release].sort());
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, resolveConfig } from "prettier";
import { plan } from "../bench/bench";
import { quantile } from "../bench/measure";
import { performancePage } from "../bench/page";
import { absentRoles, againstOurs, changedTasks, findAnsible } from "../bench/peer";

describe("the benchmark", () => {
  it("measures all groups on a stack of its own, unless told otherwise", () => {
    const all = new Set([
      "presets",
      "commands",
      "idle",
      "requests",
      "cost",
      "lag",
      "rotation",
      "scale",
      "switchover",
      "ansible",
    ]);
    assert.deepEqual(plan([]), { stack: undefined, json: undefined, page: false, wanted: all });
    assert.deepEqual(
      plan(["--stack", "dev", "--json", "f.json", "--only", "lag,requests", "--skip", "lag", "--page"]),
      {
        stack: "dev",
        json: "f.json",
        page: true,
        wanted: new Set(["requests"]),
      },
    );
    assert.equal(plan(["--help"]), "help");
  });

  it("names the groups when there is none of a name", () => {
    for (const option of ["--only", "--skip"]) {
      assert.throws(() => plan([option, "lag,speed"]), {
        message: `${option}: there is no group "speed"; there are: presets, commands, idle, requests, cost, lag, rotation, scale, switchover, ansible`,
      });
    }
  });

  it("writes a page that the format check takes", async () => {
    const facts = {
      at: "2026-11-26T12:00:00Z",
      commit: "abc1234",
      processors: 2,
      processor: "Some CPU",
      memoryGiB: 24,
    };
    const figures = [
      { name: "up of dedicated-databases from nothing", value: 35.678, unit: "s" },
      { name: "page: failed", value: 0, unit: "requests" },
      { name: "never", value: NaN, unit: "s" },
    ];
    const page = await performancePage(facts, figures);
    assert.match(
      page,
      /^# Performance\n\nWritten by `npm run bench -- --page` on 2026-11-26, commit abc1234, on 2 processors \(Some CPU\) with\n24 GiB/,
    );
    assert.match(page, /^\| up of dedicated-databases from nothing \| +35\.7 \| s +\|$/m);
    assert.match(page, /^\| page: failed +\| +0 \| requests \|$/m);
    assert.match(page, /^\| never +\| not measured \| s +\|$/m);
    const options = await resolveConfig(join(__dirname, "../../docs/performance.md"));
    assert.ok(await check(page, { ...options, parser: "markdown" }));
  });

  it("takes a quantile that is one of the values", () => {
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([5, 4, 3, 2, 1], 0.99), 5);
    assert.equal(quantile([7], 0), 7);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });

  describe("with Ansible", () => {
    const requirements = readFileSync(join(__dirname, "../bench/ansible/requirements.yml"), "utf8");
    const roles = ["geerlingguy.haproxy", "geerlingguy.nginx", "geerlingguy.mysql"];
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "webinfra-ansible-"));
    });
    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    /** Puts a program into the folder that says what it was given, and ends with this code. */
    const program = (name: string, code: number): void => {
      writeFileSync(join(folder, name), `#!/bin/sh\necho "$@" >"${join(folder, "given")}"\nexit ${String(code)}\n`, {
        mode: 0o755,
      });
    };

    it("says how to get ansible-playbook when PATH has none", async () => {
      const missing = "there is no ansible-playbook on PATH: pip install 'ansible==12.3.0' gets it";
      assert.equal(await findAnsible({}), missing);
      // A file that cannot be run is none.
      writeFileSync(join(folder, "ansible-playbook"), "");
      assert.equal(await findAnsible({ PATH: `/nowhere:${folder}` }), missing);
    });

    it("looks for the roles in each of several folders", () => {
      const there = new Set(["/a/geerlingguy.haproxy", "/b/geerlingguy.mysql", "/b/geerlingguy.nginx"]);
      const exists = (path: string): boolean => there.has(path);
      assert.deepEqual(absentRoles(requirements, ["/a", "/b"], exists), []);
      assert.deepEqual(absentRoles(requirements, ["/a"], exists), ["geerlingguy.nginx", "geerlingguy.mysql"]);
      assert.deepEqual(absentRoles(requirements, [], exists), roles);
    });

    it("installs nothing when ANSIBLE_ROLES_PATH has all roles", async () => {
      program("ansible-playbook", 0);
      program("ansible-galaxy", 0);
      for (const role of roles) {
        writeFileSync(join(folder, role), "");
      }
      const found = await findAnsible({ PATH: folder, ANSIBLE_ROLES_PATH: `/nowhere:${folder}` });
      assert.deepEqual(found, { program: join(folder, "ansible-playbook"), roles: ["/nowhere", folder] });
      assert.throws(() => readFileSync(join(folder, "given")), { code: "ENOENT" });
    });

    it("has them installed when one is absent, and says so when that fails", async () => {
      program("ansible-playbook", 0);
      program("ansible-galaxy", 0);
      const cache = join(folder, "cache");
      const found = await findAnsible({ PATH: folder }, cache);
      assert.ok(typeof found === "object");
      const [installed] = found.roles;
      assert.match(installed!, /\/cache\/[0-9a-f]{12}$/);
      const file = join(__dirname, "../bench/ansible/requirements.yml");
      assert.equal(readFileSync(join(folder, "given"), "utf8"), `role install -r ${file} -p ${installed!}\n`);
      program("ansible-galaxy", 1);
      assert.equal(
        await findAnsible({ PATH: folder }, cache),
        `the roles ${roles.join(", ")} could not be installed from Ansible Galaxy: put them in a folder that ANSIBLE_ROLES_PATH names`,
      );
    });

    it("counts the tasks that changed something, on all hosts", () => {
      const recap = (changed: number): string =>
        `PLAY RECAP ***\nlb-1                       : ok=9    changed=0    unreachable=0    failed=0\nweb-1                      : ok=20   changed=${String(changed)}    unreachable=0    failed=0\n`;
      assert.equal(changedTasks(recap(0)), 0);
      assert.equal(changedTasks(recap(13)), 13);
      assert.ok(Number.isNaN(changedTasks("nothing")));
    });

    it("compares its runs with ours as far as ours were measured", () => {
      const ours = [
        { name: "up of dedicated-databases from nothing", value: 40, unit: "s" },
        { name: "webinfra up with nothing to change, median of 5", value: 4, unit: "s" },
      ];
      const theirs = [
        { name: "Ansible: five hosts from nothing", value: 120, unit: "s" },
        { name: "Ansible: a run with nothing to change", value: 30, unit: "s" },
      ];
      assert.deepEqual(againstOurs([...ours, ...theirs]), [
        { name: "up of dedicated-databases from nothing: Ansible's to ours", value: 3, unit: "times" },
        { name: "up with nothing to change: Ansible's to ours", value: 7.5, unit: "times" },
      ]);
      assert.deepEqual(
        againstOurs([ours[0]!, ...theirs]).map(({ value }) => value),
        [3],
      );
      assert.deepEqual(againstOurs(ours), []);
      assert.deepEqual(againstOurs(theirs), []);
    });
  });
});

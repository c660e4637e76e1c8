/** Going back to a release, starting the application anew, and releasing it while it is being written. */
import assert from "node:assert/strict";
import { devEndLine, devLines } from "../../cli/terminal/dev";
import { restartedLine, restartLine, rollbackLine, rollbackLines } from "../../cli/terminal/release";
import { UserError } from "../../core/errors";
import type { ReleasePointer } from "../../core/protocol";
import type { SiteAccess } from "../../operations/access/types";
import { checkApplication, Developer, type Workbench } from "../../operations/dev";
import { type CommandEnd, endOf } from "../../operations/exec";
import type { HostMachine } from "../../operations/machines";
import { type ReleaseHost, type ReleaseSite, releaseToRun, rollbackSite } from "../../operations/release";
import { restartApplication } from "../../operations/restart";
import { noReleases } from "../support/access";

const [A, B, C] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)] as const;
const pointer = (release: string, ...previous: string[]): ReleasePointer => ({
  ...{ version: 2, release, previous, quick: false },
});
type Said = NonNullable<ReleaseHost["said"]>;
const says = (release: string | null, more: Partial<Said> = {}): Said => ({
  ...{ release, application: null, error: null },
  ...more,
});
const host = (name: string, said: Said | null, more: Partial<ReleaseHost> = {}): ReleaseHost => ({
  ...{ name, said, silent: said === null ? "its agent does not answer" : null, runs: true },
  ...more,
});
const message = (text: string) => (error: unknown) => {
  assert.ok(error instanceof UserError);
  assert.equal(error.message, text);
  return true;
};

describe("operations: the release to go back to", () => {
  const [a, b, c] = [A, B, C].map((one) => one.slice(0, 12));

  it("is the one that ran before, or the one that is asked for", () => {
    assert.equal(releaseToRun("dev", pointer(B, A), [A, B]), A);
    // What was gone back to, and is run again, is no release before.
    assert.equal(releaseToRun("dev", pointer(A, A, B), [A, B]), B);
    assert.equal(releaseToRun("dev", pointer(C, B, A), [A, B, C], "aaaa"), A);
    assert.equal(releaseToRun("dev", pointer(C, B), [A, B, C], A), A);
  });

  for (const [what, given, words] of [
    ["there is none", [pointer(A), [A]], `the stack "dev" has run no other release before ${a}`],
    [
      "its package is gone",
      [pointer(C, B, A), [A, C]],
      `the package of release ${b}, which ran before, is not in the channel any more. Releases to go back to: ${a}`,
    ],
    [
      "it is no release",
      [pointer(B, A), [A, B], "aaa"],
      `"aaa" is no release: should be the beginning of one, of 4 hexadecimal digits or more. Releases to go back to: ${a}`,
    ],
    [
      "there is no such",
      [pointer(B, A), [B], "dddd"],
      'there is no package of a release dddd in the channel of the stack "dev". Releases to go back to: none',
    ],
    [
      "it may be several",
      [pointer(C), [C, `dddd1${"0".repeat(59)}`, `dddd2${"0".repeat(59)}`], "dddd"],
      "dddd may be dddd10000000, dddd20000000: give more of it",
    ],
    ["it runs already", [pointer(C, B), [B, C], "cccc"], `release ${c} is the one that the site is to run already`],
  ] as const) {
    it(`is refused when ${what}`, () => {
      const [from, packages, asked] = given;
      assert.throws(() => releaseToRun("dev", from, packages, asked), message(`${words}. Nothing was changed.`));
    });
  }
});

/** Hosts that act on a pointer that is moved, a step a look. */
class Stage implements ReleaseSite {
  readonly stack = "dev";
  readonly moved: string[] = [];
  readonly seen: string[] = [];
  private milliseconds = 0;

  constructor(
    private readonly current: ReleasePointer,
    private readonly looks: (readonly ReleaseHost[])[],
  ) {}

  look(): Promise<readonly ReleaseHost[]> {
    const [now = []] = this.looks.length > 1 ? this.looks.splice(0, 1) : this.looks;
    return Promise.resolve(now);
  }

  pointer(): Promise<ReleasePointer> {
    return Promise.resolve(this.current);
  }

  packages(): Promise<readonly string[]> {
    return Promise.resolve([A, B]);
  }

  move(release: string): Promise<void> {
    this.moved.push(release);
    return Promise.resolve();
  }

  now(): number {
    return this.milliseconds;
  }

  sleep(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }

  rollback(asked?: string) {
    return rollbackSite(this, asked, (event) => this.seen.push(rollbackLine(event)));
  }
}

describe("operations: going back", () => {
  it("moves the pointer, and ends when each host that runs serves the release", async () => {
    const stage = new Stage(pointer(B, A), [
      [host("web-1", says(B)), host("web-2", says(B))],
      [host("web-1", says(A)), host("web-2", says(B))],
      [host("web-1", says(A)), host("web-2", says(A)), host("web-3", null, { silent: "does not run", runs: false })],
    ]);
    const done = await stage.rollback();
    assert.deepEqual(stage.moved, [A]);
    assert.deepEqual(done, {
      ...{ stack: "dev", release: A, from: B, seconds: 0.5, hosts: ["web-1", "web-2"] },
      missing: [{ name: "web-3", why: "does not run" }],
    });
    assert.deepEqual(stage.seen, [
      `going back from release ${B} to ${A}`,
      "web-1 runs it",
      "web-2 runs it",
      "web-3 does not run it: it does not run, and takes it when it is back",
    ]);
    assert.deepEqual(rollbackLines(done), [
      `release ${A} runs on web-1 and web-2 again, and not ${B}; after 0.5 s`,
      "the next `webinfra up` releases the application's folder as it is then: take the change back there first (such as with git revert), then `webinfra up`",
    ]);
  });

  it("says now and then what it waits for, and in the end what is missing", async () => {
    const failed = `release: release ${A} could not be fetched: rclone failed (1)`;
    const stage = new Stage(pointer(B, A), [
      [
        host("web-1", says(A)),
        host("web-2", says(B)),
        host("web-3", null),
        host("web-4", says("")),
        host("web-5", says(B, { error: failed })),
      ],
    ]);
    await assert.rejects(
      stage.rollback(),
      message(
        [
          "release aaaaaaaaaaaa does not run on web-2, web-3, web-4 and web-5, after 90 s:",
          `  web-2: still runs release ${B}`,
          "  web-3: its agent does not answer",
          "  web-4: runs no release yet",
          `  web-5: ${failed}`,
          "Hosts go on trying, and with what they ran before until then. " +
            "`webinfra logs --app --stack dev` shows why; `webinfra rollback bbbbbbbbbbbb --stack dev` takes this back",
        ].join("\n"),
      ),
    );
    assert.ok(stage.seen.includes("web-3 does not run it yet: its agent does not answer"));
    assert.ok(stage.seen.length < 4 * (90 / 5) + 3, `${String(stage.seen.length)} lines`);
  });

  it("does not wait for what has no hope", async () => {
    const application = { release: A, reason: "it ends", final: true };
    const stage = new Stage(pointer(B, A), [[host("web-1", says(B, { application }))]]);
    await assert.rejects(
      stage.rollback(),
      /^UserError: release a{12} does not run on web-1, after 0 s:\n {2}web-1: it ends\n/,
    );
  });

  it("changes nothing when it is refused", async () => {
    const stage = new Stage(pointer(A), [[]]);
    await assert.rejects(stage.rollback(), /has run no other release/);
    assert.deepEqual(stage.moved, []);
  });
});

describe("operations: starting the application anew", () => {
  const machine = (name: string, roles: readonly string[], running = true): HostMachine => ({
    ...{ host: name, machine: `m-${name}`, roles, running, address: running ? "10.77.0.9" : null },
  });
  const both = [machine("web-1", ["webServer", "appServer"]), machine("web-2", ["appServer"])];
  const restart = (
    machines: readonly HostMachine[],
    asked: string | undefined,
    ends: Readonly<Record<string, Partial<CommandEnd>>> = {},
  ) => {
    const ran: string[] = [];
    const seen: string[] = [];
    const commands: (readonly string[])[] = [];
    const access: SiteAccess = {
      stack: "dev",
      machines: () => Promise.resolve(machines),
      state: () => assert.fail("nobody is asked"),
      command: ({ machine: id }, argv) => ({ program: "enter", arguments: [id, ...argv], missing: "" }),
      connect: () => assert.fail("nothing is connected to"),
      channel: {
        primary: () => assert.fail("not looked at"),
        movePrimary: () => assert.fail("not moved"),
        hint: () => assert.fail("nobody is told"),
      },
      releases: noReleases,
    };
    let clock = 0;
    const done = restartApplication(access, asked, (event) => seen.push(restartLine(event)), {
      end: ({ arguments: [id = "", ...argv] }) => {
        ran.push(id);
        commands.push(argv);
        assert.match(argv.join(" "), /webinfra-host start-anew$/);
        return Promise.resolve({ code: 0, stdout: "", stderr: "", ...ends[id] });
      },
      now: () => (clock += 1_000),
    });
    return { done, ran, seen, commands };
  };

  it("goes from host to host", async () => {
    const { done, ran, seen } = restart([machine("lb-1", ["loadBalancer"]), ...both], undefined);
    const result = await done;
    assert.deepEqual(ran, ["m-web-1", "m-web-2"]);
    assert.deepEqual(seen, [
      "web-1: starting the application anew, beside the one that runs",
      "web-1: the new one serves, after 1.0 s",
      "web-2: starting the application anew, beside the one that runs",
      "web-2: the new one serves, after 1.0 s",
    ]);
    assert.equal(restartedLine(result), "the application was started anew on web-1 and web-2; after 5.0 s");
  });

  it("is done on one host alone", async () => {
    const { done, ran } = restart(both, "web-2");
    assert.deepEqual((await done).hosts, [{ name: "web-2", seconds: 1 }]);
    assert.deepEqual(ran, ["m-web-2"]);
  });

  it("ends at the first host on which it does not become healthy, with its log", async () => {
    const three = [...both, machine("web-3", ["appServer"])];
    const { done, ran } = restart(three, undefined, {
      "m-web-2": {
        code: 1,
        stderr: "release a did not become healthy: it ends\n10:00:00 cannot go on\n10:00:01 boom\n",
      },
    });
    await assert.rejects(
      done,
      message(
        [
          "the application was not started anew on web-2, and goes on there as it was: release a did not become healthy: it ends",
          "the application's log, its last 20 lines:",
          "  10:00:00 cannot go on",
          "  10:00:01 boom",
          "It was on web-1.",
          "Nothing was done on web-3.",
        ].join("\n"),
      ),
    );
    assert.deepEqual(ran, ["m-web-1", "m-web-2"]);
    const silent = restart(both, "web-1", { "m-web-1": { code: 137 } });
    await assert.rejects(
      silent.done,
      message("the application was not started anew on web-1, and goes on there as it was: exit code 137"),
    );
  });

  it("says that a host is too old for it", async () => {
    const { commands, done } = restart(both, "web-1");
    await done;
    const [[program = "", ...argv] = []] = commands;
    // There is no host package on this machine.
    const ended = await endOf({ program, arguments: argv, missing: "" });
    assert.deepEqual(ended, {
      ...{ code: 1, stdout: "" },
      stderr: "this host has no host package yet, or an older one: `webinfra up` renews it\n",
    });
    await assert.rejects(endOf({ program: "/none/incus", arguments: [], missing: "no client" }), message("no client"));
  });

  it("is refused before anything is done", async () => {
    for (const [machines, asked, words] of [
      [
        [machine("lb-1", ["loadBalancer"]), ...both],
        "lb-1",
        '"lb-1" runs no application (its roles: loadBalancer); hosts that do: web-1, web-2',
      ],
      [
        [machine("db-1", ["database"])],
        "db-1",
        '"db-1" runs no application (its roles: database); hosts that do: none',
      ],
      [[], undefined, 'no host of the stack "dev" runs an application: `webinfra up --stack dev` makes its hosts'],
      [both, "web-9", 'there is no host "web-9" in the stack "dev" (did you mean "web-1"?); hosts: web-1, web-2'],
      [
        [both[0]!, machine("web-2", ["appServer"], false)],
        undefined,
        'the host "web-2" does not run; `webinfra up --stack dev` brings it back',
      ],
    ] as const) {
      const { done, ran } = restart(machines, asked);
      await assert.rejects(done, message(words));
      assert.deepEqual(ran, []);
    }
  });
});

/** A folder whose content is a letter, and a host that runs what the pointer names unless it is broken. */
class Bench implements Workbench {
  content = "a";
  pointer = A;
  previous: readonly string[] = [];
  runs = A;
  broken: string | undefined;
  readonly held = new Set([A]);
  /** What was done, in order. */
  readonly did: string[] = [];
  readonly seen: string[] = [];
  milliseconds = 0;
  /** Called at each look. */
  looked: () => void = () => undefined;
  readonly developer = new Developer(this, (event) => this.seen.push(...devLines(event)));

  pack() {
    return { sha256: this.content.repeat(64), path: `/cache/${this.content}` };
  }

  wanted() {
    return Promise.resolve({ release: this.pointer, previous: [...this.previous] });
  }

  packages() {
    return Promise.resolve([...this.held]);
  }

  publish({ sha256 }: { readonly sha256: string }) {
    this.did.push(`publish ${sha256.charAt(0)}`);
    this.held.add(sha256);
    this.pointer = sha256;
    return Promise.resolve();
  }

  goBack(release: string) {
    this.did.push(`back to ${release.charAt(0)}`);
    this.pointer = release;
    return Promise.resolve();
  }

  forget(archives: readonly { readonly sha256: string }[]) {
    for (const { sha256 } of archives) {
      this.did.push(`forget ${sha256.charAt(0)}`);
      this.held.delete(sha256);
    }
    return Promise.resolve();
  }

  look() {
    this.looked();
    const trouble = { release: this.pointer, reason: "it ends", final: false };
    const healthy = this.pointer !== this.broken;
    const look = [
      host("web-1", says(this.runs, healthy ? {} : { application: trouble })),
      host("web-2", says(this.runs, healthy ? {} : { application: trouble })),
      host("web-3", null, { silent: "does not run", runs: false }),
    ];
    if (healthy) {
      this.runs = this.pointer;
    }
    return Promise.resolve(look);
  }

  log(name: string) {
    return Promise.resolve([`of ${name}`]);
  }

  now() {
    return this.milliseconds;
  }

  sleep(milliseconds: number) {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }

  /** A change of the folder. @param looks at the site after which something changes again */
  async change(content: string, looks = 100): Promise<void> {
    this.content = content;
    const again = new AbortController();
    let left = looks;
    this.looked = () => {
      left -= 1;
      if (left === 0) {
        again.abort();
      }
    };
    await this.developer.release(this.milliseconds, again.signal);
  }
}

describe("operations: an application that is being written", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it("is released when it changes, and each package goes when the next one serves", async () => {
    await bench.change("a");
    await bench.change("b");
    await bench.change("c");
    assert.deepEqual(bench.seen, [
      `release ${A} is what the folder holds`,
      `released ${B} on web-1 and web-2 in 0.1 s`,
      `released ${C} on web-1 and web-2 in 0.1 s`,
    ]);
    assert.deepEqual(bench.did, ["publish b", "publish c", "forget b"]);
    // A is no package of this one's: somebody may go back to it.
    assert.deepEqual([...bench.held], [A, C]);
    assert.deepEqual(await bench.developer.end(), { release: C, broken: false });
    assert.equal(bench.pointer, C);
  });

  it("that is broken shows its log, once for all hosts, and is looked at until something changes", async () => {
    bench.broken = B;
    await bench.change("b");
    await bench.change("b");
    assert.deepEqual(bench.seen, [
      `release ${B} is not healthy on web-1, and the one before goes on: it ends`,
      "the application's log, its last 20 lines:",
      "  of web-1",
    ]);
    await bench.change("c");
    assert.equal(bench.seen.at(-1), `released ${C} on web-1 and web-2 in 0.1 s`);
    assert.deepEqual([...bench.held], [A, C]);
  });

  it("that becomes healthy late is told then", async () => {
    bench.broken = B;
    await bench.change("b", 3);
    bench.broken = undefined;
    await bench.change("b");
    assert.match(bench.seen.at(-1) ?? "", /^released b{64} on web-1 and web-2 in /);
    assert.deepEqual(bench.did, ["publish b"]);
  });

  it("leaves hosts with what they run, and does not have them try what is broken", async () => {
    bench.broken = B;
    await bench.change("b", 3);
    assert.deepEqual(await bench.developer.end(), { release: undefined, broken: true });
    assert.deepEqual(bench.did, ["publish b", "back to a", "forget b"]);
    assert.equal(bench.pointer, A);
  });

  it("goes back to the last one of its own that was healthy", async () => {
    await bench.change("b");
    bench.broken = C;
    await bench.change("c", 3);
    assert.deepEqual(await bench.developer.end(), { release: B, broken: true });
    assert.deepEqual(bench.did, ["publish b", "publish c", "back to b", "forget c"]);
  });

  it("goes back to what ran first, where another one has taken the package of that away", async () => {
    await bench.change("b");
    bench.broken = C;
    await bench.change("c", 3);
    bench.held.delete(B);
    assert.deepEqual(await bench.developer.end(), { release: undefined, broken: true });
    assert.equal(bench.pointer, A);
  });

  it("leaves what hosts are about to take over", async () => {
    await bench.change("b", 1);
    assert.deepEqual(await bench.developer.end(), { release: B, broken: false });
    assert.deepEqual(bench.did, ["publish b"]);
  });

  it("keeps the package of what an update made the stack's meanwhile", async () => {
    await bench.change("b");
    bench.previous = [B];
    await bench.change("c");
    assert.deepEqual([...bench.held], [A, B, C]);
  });

  it("says at its end what is left", () => {
    const next = "`webinfra up` releases the folder as it is then, and makes that the stack's";
    assert.equal(devEndLine({ release: undefined, broken: false }), "ended: nothing was released");
    assert.equal(devEndLine({ release: undefined, broken: true }), "ended: the site goes on with what it ran before");
    assert.equal(devEndLine({ release: B, broken: false }), `ended: the site goes on with release ${B}; ${next}`);
    assert.equal(
      devEndLine({ release: B, broken: true }),
      `ended: the site goes on with release ${B}, the last one that was healthy; ${next}`,
    );
  });

  it("leaves alone what somebody else released meanwhile", async () => {
    bench.broken = B;
    await bench.change("b", 3);
    bench.pointer = C;
    assert.deepEqual(await bench.developer.end(), { release: undefined, broken: true });
    assert.equal(bench.pointer, C);
  });

  it("needs a host that runs it", () => {
    const machine = (roles: readonly string[], running: boolean): HostMachine => ({
      ...{ host: "web-1", machine: "m", roles, running, address: null },
    });
    const words = 'no host of the stack "dev" runs an application now: `webinfra up --stack dev` brings it up';
    for (const machines of [[], [machine(["webServer"], true)], [machine(["appServer"], false)]]) {
      assert.throws(() => checkApplication("dev", machines), message(words));
    }
    checkApplication("dev", [machine(["appServer"], true)]);
  });

  it("that wrote nothing is said to have", () => {
    assert.deepEqual(devLines({ kind: "broken", release: B, host: "web-1", why: "it ends", log: [] }), [
      `release ${B} is not healthy on web-1, and the one before goes on: it ends`,
      "the application's log: nothing: it wrote no line to its output",
    ]);
  });
});

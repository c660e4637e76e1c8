import assert from "node:assert/strict";
import { Progress } from "../../cli/engine/progress";
import { Board } from "../../cli/terminal/board";
import { Output } from "../../cli/terminal/output";
import { progressOn } from "../../cli/terminal/progress";
import type { State } from "../../core/protocol";
import type { Answer } from "../../operations/access/agent";
import type { HostMachine } from "../../operations/machines";
import { hostState } from "../support/state";

const machine = (host: string, id: string, address: string | null = "10.77.0.9"): HostMachine => ({
  host,
  machine: id,
  roles: [],
  running: true,
  address,
});
const answer = (more: Partial<State> = {}): Answer => hostState({ healthy: false, ...more });

describe("cli: board of hosts", () => {
  let clock: number;
  const board = (goal: "up" | "down", ...hosts: string[]) => new Board(goal, hosts, () => clock);
  beforeEach(() => (clock = 0));

  it("follows a new host from its machine to its health", () => {
    const one = board("up", "web-1");
    assert.deepEqual(one.lines(0), ["  · web-1"]);
    one.begin("web-1", "creating");
    clock = 1500;
    assert.deepEqual(one.lines(0), ["  ⠋ web-1    creating the machine  1.5 s"]);
    one.finish("web-1", "created", true);
    assert.deepEqual(one.lines(1), ["  ⠙ web-1    machine created  1.5 s"]);
    one.observe([[machine("web-1", "m"), { silent: "its agent does not answer" }]]);
    assert.deepEqual(one.lines(0), ["  ⠋ web-1  10.77.0.9  booting  1.5 s"]);
    one.observe([[machine("web-1", "m"), answer({ converge: "running", step: "installing packages" })]]);
    assert.deepEqual(one.lines(0), ["  ⠋ web-1  10.77.0.9  installing packages  1.5 s"]);
    one.observe([[machine("web-1", "m"), answer({ converge: "failed", step: "installing packages" })]]);
    assert.deepEqual(one.lines(0), ["  ⠋ web-1  10.77.0.9  failed while installing packages (it tries again)  1.5 s"]);
    clock = 4000;
    one.observe([[machine("web-1", "m"), answer({ converge: "done", healthy: true })]]);
    clock = 9000;
    assert.deepEqual(one.lines(0), ["  ✔ web-1  10.77.0.9  healthy  4.0 s"]);
  });

  it("watches the new machine of a host that is replaced, and forgets the old one's end", () => {
    const one = board("up", "web-1");
    const old = [machine("web-1", "old"), answer({ healthy: true })] as const;
    one.observe([old]);
    assert.deepEqual(one.lines(0), ["  ✔ web-1  10.77.0.9  healthy"]);
    one.begin("web-1", "creating");
    one.finish("web-1", "created", true);
    one.observe([old, [machine("web-1", "new", "10.77.0.10"), answer({ step: "10-hosts", converge: "running" })]]);
    assert.deepEqual(one.lines(0), ["  ⠋ web-1  10.77.0.10  10-hosts  0.0 s"]);
    one.observe([old, [machine("web-1", "new", "10.77.0.10"), answer({ healthy: true })]]);
    one.begin("web-1", "deleting");
    one.finish("web-1", "deleted", true);
    one.observe([[machine("web-1", "new", "10.77.0.10"), answer({ healthy: true })]]);
    assert.deepEqual(one.lines(0), ["  ✔ web-1  10.77.0.10  healthy  0.0 s"]);
  });

  it("says that a host is gone, when it is taken down or left out", () => {
    for (const goal of ["up", "down"] as const) {
      const one = board(goal, "web-1");
      one.begin("web-1", "deleting");
      one.finish("web-1", "deleted", true);
      one.close(true);
      assert.deepEqual(one.lines(0), ["  ✔ web-1    gone  0.0 s"]);
    }
  });

  it("ends with what failed", () => {
    const one = board("up", "db-1", "web-1");
    one.begin("db-1", "creating");
    one.finish("db-1", "created", false);
    one.begin("web-1", "creating");
    one.other("creating release");
    one.close(false);
    assert.deepEqual(one.lines(0), [
      "  ✖ db-1     failed; the reason follows  0.0 s",
      "  ✖ web-1    not done                    0.0 s",
    ]);
  });

  it("shows what is no host below, in the hosts' order", () => {
    const one = board("up", "web-10", "web-2");
    one.other("creating network [webinfra:incus:Network]");
    assert.deepEqual(one.lines(0), ["  · web-2", "  · web-10", "  ⠋ creating network [webinfra:incus:Network]"]);
  });

  it("gets Pulumi's steps in place of the output, which gets warnings alone", () => {
    const written: string[] = [];
    const write = { write: (text: string) => written.push(text) };
    const one = board("up");
    const progress = new Progress(progressOn(one, new Output(false, { streams: { stdout: write, stderr: write } })));
    const urn = "urn:pulumi:dev::webinfra::webinfra:index:Host$webinfra:incus:Machine::web-1";
    const resource = { type: "t", urn, custom: true, id: "", parent: "", inputs: {}, outputs: {}, provider: "" };
    const metadata = { op: "create" as const, urn, type: "webinfra:incus:Machine", provider: "", new: resource };
    const event = { sequence: 1, timestamp: 1 };
    progress.onEvent({ ...event, resourcePreEvent: { metadata } });
    progress.onEvent({
      ...event,
      diagnosticEvent: { urn: `${urn}x`, message: "waiting for web-1: starting", color: "", severity: "info" },
    });
    assert.deepEqual(one.lines(0), ["  ⠋ web-1    creating the machine  0.0 s", "  ⠋ waiting for web-1: starting"]);
    assert.deepEqual(written, []);
    progress.onEvent({ ...event, resOutputsEvent: { metadata } });
    progress.onEvent({ ...event, diagnosticEvent: { urn, message: "an older one", color: "", severity: "warning" } });
    assert.deepEqual(written, ["  warning: web-1: an older one\n"]);
    progress.end();
  });
});

describe("cli: output on a terminal", () => {
  const streams = (isTTY: boolean, columns = 80) => ({
    stdout: { write: () => true, isTTY, columns },
    stderr: { write: () => true },
  });
  it("is drawn over only where that can be seen", () => {
    assert.equal(new Output(false, { streams: streams(true), environment: {} }).live, true);
    assert.equal(new Output(true, { streams: streams(true), environment: {} }).live, false);
    assert.equal(new Output(false, { streams: streams(true, 0), environment: {} }).live, false);
    assert.equal(new Output(false, { streams: streams(false), environment: {} }).live, false);
    assert.equal(new Output(false, { streams: streams(true), environment: { CI: "true" } }).live, false);
    assert.equal(new Output(false, { streams: streams(true), environment: { TERM: "dumb" } }).live, false);
  });

  it("hands lines to the live display while there is one", () => {
    const written: string[] = [];
    const write = { write: (text: string) => written.push(text) };
    const output = new Output(false, { streams: { stdout: write, stderr: write } });
    const above: string[] = [];
    const restore = output.divert((line) => above.push(line));
    output.progress("a");
    output.problem("b");
    restore();
    output.progress("c");
    assert.deepEqual([above, written], [["a", "b"], ["c\n"]]);
  });
});

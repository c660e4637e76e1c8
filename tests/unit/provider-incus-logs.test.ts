import assert from "node:assert/strict";
import type { ExecResult } from "../../provider/incus/exec";
import { machineLogs } from "../../provider/incus/logs";

const ended = (more: Partial<ExecResult> = {}): ExecResult => ({ code: 0, stdout: "", stderr: "", ...more });

describe("provider: logs of a machine that is not ready", () => {
  it("are those that are asked for, each below its name, in that order", async () => {
    const asked: string[] = [];
    const text = await machineLogs("m-web-1", ["application", "converge"], (machine, argv) => {
      asked.push(`${machine}: ${argv.join(" ")}`);
      return Promise.resolve(
        ended({ stdout: argv.includes("application-log") ? "00:51:22 starting\n\n00:51:27 boom\n" : "converged\n" }),
      );
    });
    assert.equal(
      text,
      [
        "the application's log, its last 20 lines:",
        "  00:51:22 starting",
        "  ",
        "  00:51:27 boom",
        "journal of webinfra-converge:",
        "  converged",
      ].join("\n"),
    );
    assert.deepEqual(asked, [
      "m-web-1: /usr/local/lib/webinfra/current/webinfra-host application-log --lines=20",
      "m-web-1: journalctl -u webinfra-converge -n 30 --no-pager",
    ]);
  });

  it("say of an application that it wrote nothing", async () => {
    const text = await machineLogs("m-web-1", ["application"], () => Promise.resolve(ended()));
    assert.equal(text, "the application's log, its last 20 lines: nothing: it wrote no line to its output");
  });

  it("say why they cannot be read", async () => {
    const failed = await machineLogs("m-web-1", ["cloud-init"], () =>
      Promise.resolve(ended({ code: 1, stderr: "tail: no such file\n" })),
    );
    assert.equal(failed, "cloud-init-output.log:\n  tail: no such file");
    const away = await machineLogs("m-web-1", ["cloud-init"], () => Promise.reject(new Error("it does not run")));
    assert.equal(away, "cloud-init-output.log: cannot be read: it does not run");
  });
});

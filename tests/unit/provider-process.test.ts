import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const executable = resolve(__dirname, "../../provider/pulumi-resource-webinfra");

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe("provider: process", () => {
  it("prints the port that it serves, from any folder, and goes when Pulumi was killed", async () => {
    // Stands for Pulumi: starts the provider and is killed before it can end it.
    const parent = spawn(
      process.execPath,
      [
        "-e",
        `require("child_process").spawn(${JSON.stringify(executable)}, { stdio: ["ignore", "inherit", "inherit"] })`,
      ],
      { cwd: "/", stdio: ["ignore", "pipe", "inherit"] },
    );
    const [data] = (await once(parent.stdout, "data")) as [Buffer];
    const port = Number(data.toString());
    assert.ok(await answers(port));
    parent.kill("SIGKILL");
    const deadline = Date.now() + 10_000;
    while (await answers(port)) {
      assert.ok(Date.now() < deadline, "the provider still serves");
      await wait(100);
    }
  });
});

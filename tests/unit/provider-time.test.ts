import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sleep, within } from "../../provider/time";

describe("time-outs", () => {
  it("come also when nothing else holds them and memory is collected", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const collecting = setInterval(collect, 20);
    try {
      const { signal } = new AbortController();
      const waits = Array.from({ length: 5 }, () => sleep(10_000, within(300, signal)));
      await Promise.all(
        waits.map((wait) => assert.rejects(wait, { name: "TimeoutError", message: "not done within 300 ms" })),
      );
    } finally {
      clearInterval(collecting);
    }
  });

  it("leave a caller's reason as it is", async () => {
    const caller = new AbortController();
    const waiting = sleep(10_000, within(5_000, caller.signal));
    caller.abort(new Error("stopped by Ctrl-C"));
    await assert.rejects(waiting, /^Error: stopped by Ctrl-C$/);
  });
});

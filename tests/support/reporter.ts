/** Mocha's spec reporter, which also says how long each file took: most of the end-to-end tests' time goes into sites that are brought up, in hooks. */
import { relative } from "node:path";
import Mocha from "mocha";

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_END } = Mocha.Runner.constants;

module.exports = class extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const milliseconds = new Map<string, number>();
    const count = ({ file, duration }: Mocha.Runnable): void => {
      if (file !== undefined) {
        milliseconds.set(file, (milliseconds.get(file) ?? 0) + (duration ?? 0));
      }
    };
    runner.on(EVENT_HOOK_END, count);
    runner.on(EVENT_TEST_END, count);
    runner.once(EVENT_RUN_END, () => {
      for (const [file, took] of [...milliseconds].sort(([, a], [, b]) => b - a)) {
        console.log(`  ${String(Math.round(took / 1000)).padStart(5)} s  ${relative(process.cwd(), file)}`);
      }
    });
  }
};

/** Pulumi tells its plugins nothing when it is killed: they notice by themselves. */

const LOOK_MS = 1000;

/** Does something once the process that started this one is gone. Keeps nothing running by itself. */
export function whenOrphaned(then: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) {
      clearInterval(timer);
      then();
    }
  }, LOOK_MS);
  timer.unref();
}

/** A WEBINFRA_HOME for tests that run the program: the user's own is not touched. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives the tests of a describe block a home of their own, empty when the first of them begins. Returns what tells where it is. */
export function temporaryHome(): () => string {
  let home = "";
  let outer: string | undefined;
  before(() => {
    home = mkdtempSync(join(tmpdir(), "webinfra-home-"));
    outer = process.env.WEBINFRA_HOME;
    process.env.WEBINFRA_HOME = home;
  });
  after(() => {
    if (outer === undefined) {
      delete process.env.WEBINFRA_HOME;
    } else {
      process.env.WEBINFRA_HOME = outer;
    }
    rmSync(home, { recursive: true });
  });
  return () => home;
}

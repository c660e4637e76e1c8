/** Chromium without a window, from this machine's packages: nothing is fetched by the test itself. */
import { type Browser, chromium } from "playwright-core";
import { executable, programOnPath } from "./path";

/** The same names as in setup/chromium.sh. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * The browser's program: CHROMIUM_PATH, or the first one that PATH has.
 * @throws with what to do when there is none
 */
export function chromiumPath(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = environment["CHROMIUM_PATH"];
  if (own) {
    if (executable(own)) {
      return own;
    }
    throw new Error(
      `CHROMIUM_PATH is "${own}", which is no program; it is to be a browser's, such as /usr/bin/chromium`,
    );
  }
  const found = programOnPath(NAMES, environment);
  if (found !== undefined) {
    return found;
  }
  throw new Error("the page test needs Chromium: run setup/chromium.sh, or let CHROMIUM_PATH name a browser's program");
}

/** Starts the browser, with an empty profile that goes when it is closed. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    // It shows the project's own pages only, and its sandbox cannot be had as root, nor in many containers.
    chromiumSandbox: false,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // The site is on a network of this machine, where no proxy gets to.
      "--no-proxy-server",
    ],
  });
}

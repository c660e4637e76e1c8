/** What becomes of the application for people: going back to a release, and starting it anew; a line an event. */
import { listed } from "../../core/words";
import type { Rollback, RollbackEvent } from "../../operations/release";
import type { Restart, RestartEvent } from "../../operations/restart";
import { duration } from "./format";

/** An event as a line. */
export function rollbackLine(event: RollbackEvent): string {
  switch (event.kind) {
    case "moved":
      return `going back from release ${event.from} to ${event.release}`;
    case "serves":
      return `${event.host} runs it`;
    case "waiting":
      return `${event.host} does not run it yet: ${event.why}`;
    case "missing":
      return `${event.host} does not run it: it ${event.why}, and takes it when it is back`;
  }
}

/** What going back came to. */
export const rollbackLines = ({ release, from, seconds, hosts }: Rollback): readonly string[] => [
  `release ${release} runs on ${listed(hosts) || "no host"} again, and not ${from}; after ${duration(seconds)}`,
  "the next `webinfra up` releases the application's folder as it is then: take the change back there first (such as with git revert), then `webinfra up`",
];

/** How starting the application anew goes, a line an event. */
export const restartLine = (event: RestartEvent): string =>
  event.kind === "starts"
    ? `${event.host}: starting the application anew, beside the one that runs`
    : `${event.host}: the new one serves, after ${duration(event.seconds)}`;

/** What starting the application anew came to. */
export const restartedLine = ({ hosts, seconds }: Restart): string =>
  `the application was started anew on ${listed(hosts.map(({ name }) => name))}; after ${duration(seconds)}`;

/** What becomes of changes of the application for people: some lines an event. */
import { listed } from "../../core/words";
import type { DevEvent } from "../../operations/dev";
import { duration } from "./format";

/** An event as lines. */
export function devLines(event: DevEvent): readonly string[] {
  switch (event.kind) {
    case "unchanged":
      return [`release ${event.release} is what the folder holds`];
    case "released":
      return [`released ${event.release} on ${listed(event.hosts)} in ${duration(event.seconds)}`];
    case "broken":
      return [
        `release ${event.release} is not healthy on ${event.host}, and the one before goes on: ${event.why}`,
        ...(event.log.length === 0
          ? ["the application's log: nothing: it wrote no line to its output"]
          : ["the application's log, its last 20 lines:", ...event.log.map((line) => `  ${line}`)]),
      ];
  }
}

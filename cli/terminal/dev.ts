/** What becomes of changes of the application for people: some lines an event. */
import { applicationLogTitle, emptyApplicationLog } from "../../core/application-log";
import { listed } from "../../core/words";
import type { DevEnd, DevEvent } from "../../operations/dev";
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
          ? [`the application's log: ${emptyApplicationLog}`]
          : [`${applicationLogTitle}:`, ...event.log.map((line) => `  ${line}`)]),
      ];
  }
}

/** What is left when nobody watches any more. */
export function devEndLine({ release, broken }: DevEnd): string {
  if (release === undefined) {
    return `ended: ${broken ? "the site goes on with what it ran before" : "nothing was released"}`;
  }
  const which = `${release}${broken ? ", the last one that was healthy" : ""}`;
  return `ended: the site goes on with release ${which}; \`webinfra up\` releases the folder as it is then, and makes that the stack's`;
}

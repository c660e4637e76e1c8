/** A promotion for people: a line an event. */
import type { PromotionEvent } from "../../operations/promote";
import { duration } from "./format";

/** The events that belong to what a promotion came to; the others tell what goes on. */
const results: readonly PromotionEvent["kind"][] = ["unchanged", "promoted", "missing", "given-up"];

/** Whether an event belongs to the result. */
export function isPromotionResult({ kind }: PromotionEvent): boolean {
  return results.includes(kind);
}

/** An event as a line. */
export function promotionLine(event: PromotionEvent): string {
  switch (event.kind) {
    case "unchanged":
      return `"${event.primary}" is the primary already`;
    case "resumed":
      return `the primary pointer names "${event.primary}" already (number ${event.epoch}): waiting until it takes over`;
    case "left-behind":
      return `"${event.from}" holds what "${event.primary}" lacks: ${event.transactions}; it stays there alone`;
    case "moved":
      return event.forced
        ? `"${event.primary}" takes over without "${event.from}"`
        : event.from === event.primary
          ? `"${event.primary}" is named once more`
          : `"${event.from}" closes for writes, "${event.primary}" takes over`;
    case "closed":
      return `no writes were taken for about ${duration(event.seconds)}, as the hosts say`;
    case "promoted":
      return `"${event.primary}" is the primary`;
    case "follows":
      return `"${event.host}" follows`;
    case "waiting":
    case "missing":
      return `"${event.host}" does not follow yet: it ${event.why}`;
    case "given-up":
      return `should "${event.from}" return, it follows, or fences itself and says what it holds that "${event.primary}" lacks`;
  }
}

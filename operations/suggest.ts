/** "Did you mean": for names of stacks, hosts and topologies that nearly are one. */
import { nearest } from "../core/nearest";

/** ` (did you mean "web-1"?)` when a candidate is near enough to be a slip of the finger, else nothing. */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  const near = nearest(typed, candidates);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** Ways to sites of tests. */
import type { ReleaseChannel } from "../../operations/access/types";

const unwanted = (): Promise<never> => Promise.reject(new Error("releases are not wanted"));

/** Of a site whose releases nobody asks for. */
export const noReleases: ReleaseChannel = {
  pointer: unwanted,
  move: unwanted,
  packages: unwanted,
  add: unwanted,
  remove: unwanted,
};

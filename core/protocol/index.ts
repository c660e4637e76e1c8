/**
 * The documents that travel between the program, operations and hosts: a schema each, in one place. `samples/` holds texts with what they mean;
 * the programs on hosts are tested with the same files.
 */
export type { Parsed } from "./document";
export { parseInventoryEntry, writeInventoryEntry } from "./inventory";
export {
  type Epoch,
  type NewPrimaryPointer,
  parseHostPointer,
  parsePrimaryPointer,
  parseReleasePointer,
  type PrimaryPointer,
  sameEpoch,
  writeFirstPrimaryPointer,
  writeHostPointer,
  writePrimaryPointer,
  releasesBefore,
  type ReleasePointer,
  writeReleasePointer,
} from "./pointer";
export { type HostSettings, parseHostSettings, type SealedSettings, settingsKey, writeHostSettings } from "./settings";
export { type DatabaseState, isOutdated, parseState, type State } from "./state";

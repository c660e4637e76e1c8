/** What `webinfra:index:Definition` takes. */
import { z } from "zod";

/** Inputs of `webinfra:index:Definition`. */
export const definitionInputs = z.strictObject({
  /** Host name, such as db-1. */
  host: z.string().min(1),
  /** Machine id. */
  machine: z.string().min(1),
  /** Digest of the wanted definition. */
  definition: z.string().min(1),
});

/**
 * Pointers: what must have one answer in a site. `pointers/primary.json` belongs to operations, `pointers/host.json` to the program. `pointers/release.json`
 * is written by both: operations move it, and the next update moves it to what the program wants.
 */
import { z } from "zod";
import {
  epochNumberSchema,
  flagSchema,
  hostNameSchema,
  nonceSchema,
  type Parsed,
  parseDocument,
  pastNonceSchema,
  writeDocument,
} from "./document";

const previousSchema = z.object(
  { epoch: epochNumberSchema, nonce: pastNonceSchema, primary: hostNameSchema },
  "should be null or an object of epoch, nonce and primary",
);

const first = z
  .object({ epoch: epochNumberSchema, primary: hostNameSchema, force: flagSchema.default(false) })
  .transform(({ epoch, primary, force }) => ({
    version: 2 as const,
    epoch,
    /** With the number what an epoch is; "" when the pointer was of version 1. */
    nonce: "",
    /** The one host that may take writes. */
    primary,
    /** The pointer that this one replaced; null for a site's first one, or when `previousKnown` is false. */
    previous: null as z.infer<typeof previousSchema> | null,
    /** False: the pointer does not say what it replaced. */
    previousKnown: false,
    /** It need not wait for an old primary that cannot be asked. */
    force,
  }));

const second = z
  .object({
    epoch: epochNumberSchema,
    nonce: nonceSchema,
    primary: hostNameSchema,
    previous: previousSchema.nullable().optional(),
    force: flagSchema.default(false),
  })
  .transform(({ epoch, nonce, primary, previous, force }) => ({
    version: 2 as const,
    epoch,
    nonce,
    primary,
    previous: previous ?? null,
    previousKnown: previous !== undefined,
    force,
  }));

/** Who may take writes. The one with the highest number counts. */
export type PrimaryPointer = z.infer<typeof first>;

/** What tells pointers apart: a number of 1 or more that only grows, and a nonce, because not every channel can compare and set. */
export type Epoch = Pick<PrimaryPointer, "epoch" | "nonce">;

/** What a writer of the primary pointer says. */
export type NewPrimaryPointer = Omit<PrimaryPointer, "version" | "previousKnown">;

/** Reads a primary pointer of version 1 or 2. */
export function parsePrimaryPointer(text: string): Parsed<PrimaryPointer> {
  return parseDocument(text, { 1: first, 2: second });
}

/**
 * A primary pointer's text.
 * @throws Error when no host would accept it
 */
export function writePrimaryPointer({ epoch, nonce, primary, previous, force }: NewPrimaryPointer): string {
  return writeDocument({ epoch, nonce, primary, previous, force }, parsePrimaryPointer);
}

/** The text of a site's first primary pointer. */
export function writeFirstPrimaryPointer(primary: string): string {
  return writePrimaryPointer({ epoch: 1, nonce: "first", primary, previous: null, force: false });
}

/** Whether two pointers are of one epoch. */
export function sameEpoch(one: Epoch, other: Epoch): boolean {
  return one.epoch === other.epoch && one.nonce === other.nonce;
}

const sha256Right = "should be a SHA-256 of 64 lower-case hexadecimal digits";
const sha256Schema = z.string(sha256Right).regex(/^[0-9a-f]{64}$/, sha256Right);

const previousReleases = z.array(sha256Schema, "should be a list of releases");

const release = z
  .object({
    release: sha256Schema,
    /** What ran before, the last one first. */
    previous: previousReleases.readonly().default([]),
    /** It serves as soon as it is healthy, and need not stay so for a while: what is being written (`webinfra dev`). */
    quick: flagSchema.default(false),
  })
  .transform((pointer) => ({ version: 2 as const, ...pointer }));

/** The release that application servers run: the SHA-256 of its archive. */
export type ReleasePointer = z.infer<typeof release>;

/** Reads a release pointer of version 1 or 2. */
export function parseReleasePointer(text: string): Parsed<ReleasePointer> {
  return parseDocument(text, { 1: release, 2: release });
}

/**
 * A release pointer's text. What is the default is left out.
 * @param sha256 64 lower-case hexadecimal digits
 * @throws Error when no host would accept it
 */
export function writeReleasePointer(
  sha256: string,
  { previous = [], quick = false }: Partial<Pick<ReleasePointer, "previous" | "quick">> = {},
): string {
  const more = { ...(previous.length > 0 && { previous }), ...(quick && { quick }) };
  return writeDocument({ release: sha256, ...more }, parseReleasePointer);
}

/** Releases that a pointer remembers. */
const REMEMBERED = 5;

/** What a pointer that replaces this one remembers. A quick release is none that anybody goes back to. */
export function releasesBefore({ release: last, quick, previous }: ReleasePointer): readonly string[] {
  return [...new Set([...(quick ? [] : [last]), ...previous])].slice(0, REMEMBERED);
}

const hostPackage = z.object({ package: sha256Schema }).transform((pointer) => ({ version: 2 as const, ...pointer }));

/** The programs that hosts run: the SHA-256 of the host package. */
export type HostPointer = z.infer<typeof hostPackage>;

/** Reads a host pointer. */
export function parseHostPointer(text: string): Parsed<HostPointer> {
  return parseDocument(text, { 1: hostPackage, 2: hostPackage });
}

/**
 * A host pointer's text, of version 1: hosts of every age read it, also those whose programs know no other.
 * @param sha256 64 lower-case hexadecimal digits
 * @throws Error when no host would accept it
 */
export function writeHostPointer(sha256: string): string {
  return writeDocument({ version: 1, package: sha256 }, parseHostPointer);
}

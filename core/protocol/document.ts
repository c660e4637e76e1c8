/** What all documents that travel have in common: JSON, an object, a version. */
import { z } from "zod";
import { shown, valueAt } from "../problems";

/** The versions that readers accept. A document that names none is version 1: the release before wrote no version. */
const versions = [1, 2] as const;
type Version = (typeof versions)[number];

/** The version that writers write. */
const currentVersion = 2;

/** A document's value in the shape of version 2, or what is wrong with its text: the key, its value, and what would be right. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

function excerpt(text: string): string {
  const start = JSON.stringify(text.slice(0, 60));
  return text.length > 60 ? `begins with ${start}` : `is ${start}`;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function versionOf(document: object): Version | undefined {
  if (!("version" in document)) {
    return 1;
  }
  return versions.find((version) => version === document.version);
}

function wordsOf(issue: z.core.$ZodIssue, document: unknown): string {
  const key = issue.path
    .map((part, at) => (typeof part === "number" ? `[${String(part)}]` : `${at === 0 ? "" : "."}${String(part)}`))
    .join("");
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => `${key}: the name ${message}`).join("; ");
  }
  return `${key} ${shown(valueAt(document, issue.path))}: ${issue.message}`;
}

/**
 * Reads a document.
 * @param schemas what it must be in each version; each gives the shape of version 2
 */
export function parseDocument<T>(text: string, schemas: Readonly<Record<Version, z.ZodType<T>>>): Parsed<T> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refuse(text.trim() === "" ? "it is empty" : `it is no JSON, or was cut off: it ${excerpt(text)}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return refuse(`it is ${kindOf(document)}: should be an object`);
  }
  const version = versionOf(document);
  if (version === undefined) {
    const found = "version" in document ? JSON.stringify(document.version) : "";
    return refuse(`version ${found} is none that this program knows (${versions.join(", ")})`);
  }
  const parsed = schemas[version].safeParse(document);
  return parsed.success
    ? { ok: true, value: parsed.data }
    : refuse([...new Set(parsed.error.issues.map((issue) => wordsOf(issue, document)))].join("; "));
}

/** The text of a document as writers write it. */
export function documentText(document: object): string {
  return JSON.stringify({ version: currentVersion, ...document });
}

/**
 * The text of a document, after its reader accepted it.
 * @throws Error when readers would refuse it: a writer's defect, which must not reach a host
 */
export function writeDocument<T>(document: object, parse: (text: string) => Parsed<T>): string {
  const text = documentText(document);
  const parsed = parse(text);
  if (!parsed.ok) {
    throw new Error(`a document that no host would accept was about to be written: ${parsed.problem}`);
  }
  return text;
}

const labelRight = "should be a host's name of 1 to 63 lower-case letters, digits and hyphens, such as db-2";

/** A host's name: a DNS label. */
export const hostNameSchema = z.string(labelRight).regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, labelRight);

const numberRight = `should be a whole number from 1 to ${String(Number.MAX_SAFE_INTEGER)}`;

/** The number of an epoch. Larger ones have no exact value in every program that reads it. */
export const epochNumberSchema = z
  .number(numberRight)
  .refine((value) => Number.isSafeInteger(value) && value >= 1, numberRight);

const flagRight = "should be true or false";

/** A boolean. */
export const flagSchema = z.boolean(flagRight);

const nonceRight = "should be 1 to 64 lower-case letters and digits";

/** What tells two epochs with one number apart. */
export const nonceSchema = z.string(nonceRight).regex(/^[0-9a-z]{1,64}$/, nonceRight);

const pastNonceRight = "should be at most 64 lower-case letters and digits";

/** The nonce of an epoch that was: "" when its pointer was of version 1. */
export const pastNonceSchema = z.string(pastNonceRight).regex(/^[0-9a-z]{0,64}$/, pastNonceRight);

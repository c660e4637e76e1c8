/** Policies of buckets: documents of IAM, which Spaces takes as well. */
import { list, record, texts } from "./values";

/** One statement of a policy. */
export type Statement = Readonly<Record<string, unknown>>;

/** The statements of a policy, which is JSON text; undefined: it is not. */
export function statementsOf(document: unknown): readonly Statement[] | undefined {
  try {
    const parsed: unknown = typeof document === "string" ? JSON.parse(document) : document;
    return list(record(parsed)["Statement"]).map(record);
  } catch {
    return undefined;
  }
}

/** Whether a statement is about everybody. */
export function isForEverybody({ Principal: principal }: Statement): boolean {
  return principal === "*" || texts(record(principal)["AWS"]).includes("*");
}

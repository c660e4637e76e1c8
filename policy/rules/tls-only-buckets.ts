import { bucketsWithout } from "../buckets";
import type { Rule } from "../rule";
import { list, record, texts } from "../values";

const policyType = "aws:s3/bucketPolicy:BucketPolicy";

/** Whether a policy statement refuses everybody everything without TLS. */
function refusesPlain(statement: Readonly<Record<string, unknown>>): boolean {
  const principal = statement["Principal"];
  const condition = record(record(statement["Condition"])["Bool"]);
  return (
    statement["Effect"] === "Deny" &&
    (principal === "*" || texts(record(principal)["AWS"]).includes("*")) &&
    texts(statement["Action"]).some((action) => action === "*" || action === "s3:*") &&
    list(condition["aws:SecureTransport"]).some((value) => String(value) === "false")
  );
}

/** The document of a bucket policy; it is JSON text, or not yet. */
function statements(document: unknown): readonly Readonly<Record<string, unknown>>[] {
  try {
    const parsed: unknown = typeof document === "string" ? JSON.parse(document) : document;
    return list(record(parsed)["Statement"]).map(record);
  } catch {
    return [];
  }
}

export const tlsOnlyBuckets: Rule = {
  name: "tls-only-buckets",
  description: "Buckets refuse requests without TLS.",
  remediation: "give it a BucketPolicy that denies everybody every action of S3 where aws:SecureTransport is false",
  // Spaces cannot refuse them.
  scopes: ["aws"],
  checkResource: ({ type, props }) =>
    type === policyType && !statements(props["policy"]).some(refusesPlain)
      ? ["the bucket policy does not refuse requests without TLS"]
      : [],
  // The document has the bucket's name in it and may not be known yet; that there is one is.
  checkStack: (resources) => bucketsWithout(resources, [policyType], "the bucket has no bucket policy"),
};

import { isForEverybody, type Statement, statementsOf } from "../bucket-policies";
import { bucketsWithout } from "../buckets";
import type { CheckedResource, Rule } from "../rule";
import { list, record, texts } from "../values";

const policyType = "aws:s3/bucketPolicy:BucketPolicy";

/** The value of an object's only property; undefined: it is not the only one. */
function only(value: unknown, name: string): unknown {
  const properties = record(value);
  return Object.keys(properties).length === 1 ? properties[name] : undefined;
}

/** Whether a statement is about the bucket and all in it. */
function isForAll(statement: Statement, { props }: CheckedResource): boolean {
  const resources = texts(statement["Resource"]);
  if (resources.includes("*")) {
    return true;
  }
  const name = props["bucket"];
  if (typeof name !== "string") {
    return false;
  }
  const named = resources.map((arn) => arn.replace(/^arn:[^:]+:s3:::/, ""));
  return [name, `${name}/*`].every((one) => named.includes(one));
}

/** Whether a statement refuses everybody everything without TLS. Of several conditions each would have to hold for it to refuse anything. */
function refusesPlain(statement: Statement, policy: CheckedResource): boolean {
  const withTls = only(only(statement["Condition"], "Bool"), "aws:SecureTransport");
  return (
    statement["Effect"] === "Deny" &&
    isForEverybody(statement) &&
    texts(statement["Action"]).some((action) => action === "*" || action === "s3:*") &&
    list(withTls).some((value) => String(value) === "false") &&
    isForAll(statement, policy)
  );
}

export const tlsOnlyBuckets: Rule = {
  name: "tls-only-buckets",
  description: "Buckets refuse requests without TLS.",
  remediation:
    "give it a BucketPolicy that denies everybody every action of S3, on the bucket and all in it, where aws:SecureTransport is false, on no other condition",
  // Spaces cannot refuse them.
  scopes: ["aws"],
  checkResource: (resource) =>
    resource.type === policyType &&
    !(statementsOf(resource.props["policy"]) ?? []).some((statement) => refusesPlain(statement, resource))
      ? ["the bucket policy does not refuse requests without TLS"]
      : [],
  // The document has the bucket's name in it and may not be known yet; that there is one is.
  checkStack: (resources) => bucketsWithout(resources, [policyType], "the bucket has no bucket policy"),
};

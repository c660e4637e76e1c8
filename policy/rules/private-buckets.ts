import { isForEverybody, statementsOf } from "../bucket-policies";
import { bucketsWithout } from "../buckets";
import type { CheckedResource, Rule } from "../rule";
import { list, record } from "../values";

const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const;
const withAcl = [
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketV2:BucketV2",
  "aws:s3/bucketAcl:BucketAcl",
  "aws:s3/bucketAclV2:BucketAclV2",
  "aws:s3/bucketObject:BucketObject",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:s3/objectCopy:ObjectCopy",
  "digitalocean:index/spacesBucket:SpacesBucket",
  "digitalocean:index/spacesBucketObject:SpacesBucketObject",
];
const policyTypes = ["aws:s3/bucketPolicy:BucketPolicy", "digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy"];
/** Everybody, and everybody who has an account with AWS (S3 user guide, "Access control list (ACL) overview"). */
const publicGroups = /\/groups\/global\/(AllUsers|AuthenticatedUsers)$/;

/** Groups of the public that an access list names; those of BucketAcl are one level further down. */
function publicGrants(props: CheckedResource["props"]): readonly string[] {
  const nested = list(record(props["accessControlPolicy"])["grants"]).map((grant) => record(grant)["grantee"]);
  return [...list(props["grants"]), ...nested].flatMap((grantee) => {
    const uri = record(grantee)["uri"];
    return (typeof uri === "string" ? publicGroups.exec(uri)?.[1] : undefined) ?? [];
  });
}

function aclProblems({ props }: CheckedResource): readonly string[] {
  const acl = props["acl"];
  return [
    ...(typeof acl === "string" && acl !== "private" ? [`the access list is "${acl}"`] : []),
    ...publicGrants(props).map((group) => `the access list has a grant for ${group}`),
  ];
}

function policyProblems({ props }: CheckedResource): readonly string[] {
  const statements = statementsOf(props["policy"]);
  if (!statements) {
    return ["the bucket policy is not JSON"];
  }
  return statements
    .filter((one) => one["Effect"] === "Allow" && (isForEverybody(one) || one["NotPrincipal"] !== undefined))
    .map(() => "the bucket policy allows everybody something");
}

function checkResource(resource: CheckedResource): readonly string[] {
  const { type, props } = resource;
  if (type === "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock") {
    return blocks.filter((block) => props[block] !== true).map((block) => `${block} is not true`);
  }
  if (policyTypes.includes(type)) {
    return policyProblems(resource);
  }
  return withAcl.includes(type) ? aclProblems(resource) : [];
}

export const privateBuckets: Rule = {
  name: "private-buckets",
  description: "Buckets are private, and on AWS a public access block keeps them so.",
  remediation:
    "set the access list to private, allow everybody nothing, and give an S3 bucket a BucketPublicAccessBlock with all four blocks true",
  scopes: ["aws", "digitalocean"],
  checkResource,
  checkStack: (resources) =>
    bucketsWithout(
      resources,
      ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"],
      "the bucket has no public access block",
    ),
};

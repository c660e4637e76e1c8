import { bucketsWithout } from "../buckets";
import type { CheckedResource, Rule } from "../rule";

const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const;
const withAcl = [
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketV2:BucketV2",
  "aws:s3/bucketAcl:BucketAcl",
  "aws:s3/bucketAclV2:BucketAclV2",
  "aws:s3/bucketObject:BucketObject",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "digitalocean:index/spacesBucket:SpacesBucket",
  "digitalocean:index/spacesBucketObject:SpacesBucketObject",
];

function checkResource({ type, props }: CheckedResource): readonly string[] {
  if (type === "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock") {
    return blocks.filter((block) => props[block] !== true).map((block) => `${block} is not true`);
  }
  const acl = withAcl.includes(type) ? props["acl"] : undefined;
  return typeof acl === "string" && acl !== "private" ? [`the access list is "${acl}"`] : [];
}

export const privateBuckets: Rule = {
  name: "private-buckets",
  description: "Buckets are private, and on AWS a public access block keeps them so.",
  remediation:
    "set the access list to private, and give an S3 bucket a BucketPublicAccessBlock with all four blocks true",
  scopes: ["aws", "digitalocean"],
  checkResource,
  checkStack: (resources) =>
    bucketsWithout(
      resources,
      ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"],
      "the bucket has no public access block",
    ),
};

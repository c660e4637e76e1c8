import { bucketsWithout } from "../buckets";
import type { Rule } from "../rule";

export const encryptedBuckets: Rule = {
  name: "encrypted-buckets",
  description: "Buckets say how they are encrypted.",
  remediation: "give it a BucketServerSideEncryptionConfiguration",
  // DigitalOcean encrypts every bucket; there is nothing to set.
  scopes: ["aws"],
  checkStack: (resources) =>
    bucketsWithout(
      resources,
      [
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
      ],
      "the bucket has no encryption configuration",
    ),
};

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ArchiveRequest, ChannelRequest } from "../contract";
import { AwsContext, optionsOf, tagsOf } from "./context";

/** Days that an overwritten object, of which some are secrets, can still be brought back. */
const noncurrentDays = 7;
/** Of the 63 characters that a bucket's name may have, Pulumi takes some at its end to make it unique (S3 user guide, "Bucket naming rules"). */
const nameLength = 50;

/** The stack's bucket, private and encrypted, and what is put into it. */
export interface Channel {
  readonly bucket: aws.s3.Bucket;
  object(name: string, request: ChannelRequest, owner: pulumi.Resource): aws.s3.BucketObjectv2;
  /** An object that operations move later: it is made, and never written again. */
  pointer(name: string, request: ChannelRequest, owner: pulumi.Resource): aws.s3.BucketObjectv2;
  /** A host's secret files, which that host alone can read. */
  secrets(host: string, content: pulumi.Output<string>, owner: pulumi.Resource): aws.s3.BucketObjectv2;
  archive(name: string, request: ArchiveRequest, owner: pulumi.Resource): aws.s3.BucketObjectv2;
  /** Writes what all hosts poll. */
  announce(version: pulumi.Input<string>, after: readonly pulumi.Resource[], owner: pulumi.Resource): pulumi.Resource;
}

/** Nobody speaks to the bucket in the clear. */
const tlsOnly = (arn: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [arn, `${arn}/*`],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  });

function makeBucket(context: AwsContext): { readonly bucket: aws.s3.Bucket; readonly settings: pulumi.Resource[] } {
  const options = optionsOf(context);
  // Not `bucketPrefix`: Pulumi names a bucket itself, and some versions then find the two in conflict (pulumi/pulumi#6155).
  const name = `webinfra-${context.stack.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`.slice(0, nameLength);
  const bucket = new aws.s3.Bucket(
    name,
    {
      // From the start, because it has to be in place before the delete. Nothing in it has another owner than the stack: who is primary, the one thing
      // that the program could not write again, the databases keep beside their data; and a later stack never reads this bucket.
      forceDestroy: true,
      tags: tagsOf(context, "channel"),
    },
    options,
  );
  const { id } = bucket;
  const access = new aws.s3.BucketPublicAccessBlock(
    "channel",
    { bucket: id, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    options,
  );
  // One after the other: S3 refuses two changes of a bucket's settings at once (OperationAborted).
  const after = (...dependsOn: pulumi.Resource[]) => ({ ...options, dependsOn });
  const ownership = new aws.s3.BucketOwnershipControls(
    "channel",
    { bucket: id, rule: { objectOwnership: "BucketOwnerEnforced" } },
    after(access),
  );
  const encryption = new aws.s3.BucketServerSideEncryptionConfiguration(
    "channel",
    { bucket: id, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
    after(ownership),
  );
  const versioning = new aws.s3.BucketVersioning(
    "channel",
    { bucket: id, versioningConfiguration: { status: "Enabled" } },
    after(encryption),
  );
  const lifecycle = new aws.s3.BucketLifecycleConfiguration(
    "channel",
    {
      bucket: id,
      rules: [
        {
          id: "expire-old-versions",
          status: "Enabled",
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays },
          expiration: { expiredObjectDeleteMarker: true },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
      ],
    },
    after(versioning),
  );
  const policy = new aws.s3.BucketPolicy(
    "channel",
    { bucket: id, policy: bucket.arn.apply(tlsOnly) },
    after(lifecycle),
  );
  return { bucket, settings: [policy] };
}

/** The channel: a bucket that hosts read through their own identities. */
export function makeChannel(context: AwsContext): Channel {
  const { bucket, settings } = makeBucket(context);
  const put = (
    name: string,
    args: Omit<aws.s3.BucketObjectv2Args, "bucket" | "tags">,
    owner: pulumi.Resource,
    more: pulumi.CustomResourceOptions = {},
    own: Readonly<Record<string, string>> = {},
  ) =>
    new aws.s3.BucketObjectv2(
      name,
      { bucket: bucket.id, tags: tagsOf(context, name, own), ...args },
      // Nothing is in the bucket before it is closed and encrypted.
      pulumi.mergeOptions({ ...optionsOf(context, owner), dependsOn: settings }, more),
    );
  return {
    bucket,
    object: (name, { key, content, keep = false }, owner) =>
      put(name, { key, content, contentType: "application/json" }, owner, { retainOnDelete: keep }),
    pointer: (name, { key, content }, owner) =>
      put(name, { key, content, contentType: "application/json" }, owner, {
        retainOnDelete: true,
        // All that another writer may leave otherwise: a difference in most of these would put the old content back.
        ignoreChanges: ["content", "contentType", "metadata", "tags", "tagsAll"],
      }),
    secrets: (host, content, owner) =>
      put(
        `${host}-secrets`,
        { key: `secrets/${host}.json`, content: pulumi.secret(content), contentType: "application/json" },
        owner,
        { additionalSecretOutputs: ["content"] },
        { host },
      ),
    archive: (name, { folder, archive }, owner) =>
      put(
        name,
        {
          key: `${folder}/${archive.sha256}.tar.gz`,
          source: new pulumi.asset.FileAsset(archive.path),
          contentType: "application/gzip",
        },
        owner,
        {
          // Where the archive was made differs from checkout to checkout; what it holds does not.
          ignoreChanges: ["source"],
          // Old archives stay while the bucket does: after an update that failed the way leads back to them.
          retainOnDelete: true,
        },
      ),
    announce: (version, after, owner) =>
      put("version", { key: "version", content: version, contentType: "text/plain" }, owner, { dependsOn: [...after] }),
  };
}

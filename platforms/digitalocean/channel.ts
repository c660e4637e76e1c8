import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { ChannelView } from "../../services/contract";
import { nameOf, stackName } from "./names";

/** Days that replaced objects are kept. */
const keptDays = 7;

/** An object of the channel. */
export type SpacesObject = Readonly<
  Pick<digitalocean.SpacesBucketObjectArgs, "key" | "content" | "source" | "contentType">
>;

/** The channel on Spaces. */
export interface SpacesChannel {
  /** How hosts reach it; secret, as the key is. */
  readonly view: pulumi.Output<ChannelView>;
  readonly url: pulumi.Output<string>;
  /** The bucket, as projects name it. */
  readonly urn: pulumi.Output<string>;
  object(name: string, object: SpacesObject, options: pulumi.CustomResourceOptions): digitalocean.SpacesBucketObject;
}

/**
 * A private bucket, written with a key of the stack's own and read by hosts with another that can do nothing else. Grants are a whole bucket's, so that
 * every host can read all of it: no host's secret is in it.
 */
export function spacesChannel(stack: string, region: string, parent: pulumi.Resource): SpacesChannel {
  const key = (name: string, grant: digitalocean.types.input.SpacesKeyGrant) =>
    new digitalocean.SpacesKey(name, { name: nameOf(stack, name), grants: [grant] }, { parent });
  // Only such a key may make buckets. The stack's users need none of their own, the API token is enough.
  const writer = key("channel-writer", { bucket: "", permission: "fullaccess" });
  const provider = new digitalocean.Provider(
    "channel",
    { spacesAccessId: writer.accessKey, spacesSecretKey: writer.secretKey },
    { parent },
  );
  // A bucket's name is unique among those of all users, and its region cannot change.
  const suffix = new random.RandomId("channel", { byteLength: 4, keepers: { region } }, { parent });
  const bucket = new digitalocean.SpacesBucket(
    "channel",
    {
      name: pulumi.interpolate`${stackName(stack)}-${suffix.hex}`,
      region,
      acl: "private",
      versioning: { enabled: true },
      lifecycleRules: [
        {
          id: "replaced",
          enabled: true,
          noncurrentVersionExpiration: { days: keptDays },
          abortIncompleteMultipartUploadDays: 1,
        },
      ],
    },
    // It holds what outlives the stack: the pointer to the primary of the data on the volumes.
    { parent, provider, retainOnDelete: true },
  );
  const reader = key("channel-reader", { bucket: bucket.name, permission: "read" });
  const endpoint = `${region}.digitaloceanspaces.com`;
  const view = pulumi
    .all([bucket.name, reader.accessKey, reader.secretKey])
    .apply(([name, accessKeyId, secretAccessKey]): ChannelView => ({
      type: "spaces",
      bucket: name,
      endpoint,
      accessKeyId,
      secretAccessKey,
    }));
  return {
    view,
    url: pulumi.interpolate`https://${bucket.name}.${endpoint}`,
    urn: bucket.bucketUrn,
    object: (name, object, options) =>
      new digitalocean.SpacesBucketObject(
        name,
        { bucket: bucket.name, region, acl: "private", ...object },
        { ...options, provider },
      ),
  };
}

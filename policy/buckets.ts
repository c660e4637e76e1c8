/** S3 buckets and what is set on them by resources of their own. */
import type { PlannedResource, Violation } from "./rule";

const buckets = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];

/** The S3 buckets of a stack that have no resource of these types that does: one that was made from the bucket and passes `does`. */
export function bucketsWithout(
  resources: readonly PlannedResource[],
  types: readonly string[],
  what: string,
  does: (resource: PlannedResource) => boolean = () => true,
): readonly Violation[] {
  const settings = resources.filter(({ type }) => types.includes(type));
  return resources
    .filter(({ type }) => buckets.includes(type))
    .filter(({ urn }) => !settings.some((one) => one.dependencies.includes(urn) && does(one)))
    .map(({ urn }) => ({ urn, what }));
}

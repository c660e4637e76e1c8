/** S3 buckets and what is set on them by resources of their own. */
import type { PlannedResource, Violation } from "./rule";

const buckets = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];

/** The S3 buckets of a stack that no resource of these types was made for. */
export function bucketsWithout(
  resources: readonly PlannedResource[],
  types: readonly string[],
  what: string,
): readonly Violation[] {
  const settings = resources.filter(({ type }) => types.includes(type));
  return (
    resources
      .filter(({ type }) => buckets.includes(type))
      // Not any dependency: the policy of another bucket may name this one.
      .filter(({ urn }) => !settings.some(({ propertyDependencies }) => propertyDependencies["bucket"]?.includes(urn)))
      .map(({ urn }) => ({ urn, what }))
  );
}

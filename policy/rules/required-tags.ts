import { stackName } from "../../platforms/digitalocean/names";
import type { SiteSummary } from "../../review/summary";
import { isOf } from "../labels";
import type { CheckedResource, Rule } from "../rule";
import { record, texts } from "../values";

/** What AWS cannot tag; all else has to be. */
const untagged = [
  "aws:ec2/route:Route",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/volumeAttachment:VolumeAttachment",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:route53/record:Record",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketVersioning:BucketVersioning",
];
/** What DigitalOcean can tag, of what a site is made of. */
const tagged = ["digitalocean:index/droplet:Droplet", "digitalocean:index/volume:Volume"];

function awsProblems({ props }: CheckedResource, site: SiteSummary | undefined): readonly string[] {
  const tags = record(props["tags"]);
  return Object.entries({ project: "webinfra", stack: site?.stack }).flatMap(([tag, right]) => {
    const value = tags[tag];
    if (typeof value !== "string" || value === "") {
      return [`the tag "${tag}" is missing`];
    }
    return right === undefined || value === right ? [] : [`the tag "${tag}" is "${value}", and not "${right}"`];
  });
}

function digitaloceanProblems({ props }: CheckedResource, site: SiteSummary | undefined): readonly string[] {
  const tags = texts(props["tags"]);
  const required = ["webinfra", ...(site ? [stackName(site.stack)] : [])];
  return required.filter((tag) => !tags.includes(tag)).map((tag) => `the tag "${tag}" is missing`);
}

export const requiredTags: Rule = {
  name: "required-tags",
  description: "Everything that can be tagged says which project and stack it belongs to.",
  remediation: 'on AWS set the tags "project" and "stack", on DigitalOcean those of the project and of the stack',
  scopes: ["aws", "digitalocean"],
  checkResource: (resource, site) => {
    if (isOf("aws", resource)) {
      return untagged.includes(resource.type) ? [] : awsProblems(resource, site);
    }
    return tagged.includes(resource.type) ? digitaloceanProblems(resource, site) : [];
  },
};

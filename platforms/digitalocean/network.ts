import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { PlatformSettings } from "../contract";
import { nameOf } from "./names";
import { defaultCidr } from "./problems";

/** The stack's private network. */
export interface Network {
  readonly id: pulumi.Output<string>;
  readonly cidr: pulumi.Output<string>;
  /** What has to be there before a host that has no public interface can fetch anything. */
  readonly egress: readonly pulumi.Resource[];
}

/** The VPC, and a NAT gateway where hosts have no public interface. */
export function network(stack: string, config: PlatformSettings, parent: pulumi.Resource): Network {
  const { region, publicNetworking } = config.digitalocean;
  const vpc = new digitalocean.Vpc(
    "network",
    { name: nameOf(stack, "network"), region, ipRange: config.network.cidr ?? defaultCidr },
    // A name belongs to one VPC of the account, so that two cannot stand beside each other.
    { parent, deleteBeforeReplace: true },
  );
  const nat = publicNetworking
    ? []
    : [
        new digitalocean.VpcNatGateway(
          "nat",
          {
            name: nameOf(stack, "nat"),
            type: "PUBLIC",
            region,
            // The smallest: hosts fetch packages and the channel through it, users' requests take another way.
            size: 1,
            vpcs: [{ vpcUuid: vpc.id, defaultGateway: true }],
          },
          {
            parent,
            deleteBeforeReplace: true,
            // The provider sends them at creation only, and reads them back with an address that is in no input: a difference that is none
            // must not cost every host its way out.
            ignoreChanges: ["vpcs"],
            replacementTrigger: vpc.id,
          },
        ),
      ];
  return { id: vpc.id, cidr: vpc.ipRange, egress: nat };
}

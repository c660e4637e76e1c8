import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ConfigError } from "../../core/config-error";
import { PlatformSettings } from "../contract";
import { defaultNetwork, letterOf, planSubnets, ZoneSubnets } from "./addresses";
import { AwsContext, optionsOf, tagsOf } from "./context";
import { SubnetKind, subnetProblem, zonesOf, zonesProblem } from "./problems";

/** A subnet that machines are placed in. */
export interface Subnet {
  readonly id: pulumi.Input<string>;
  /** Its availability zone. */
  readonly zone: pulumi.Input<string>;
}

/** Where the machines are. */
export interface Network {
  readonly vpcId: pulumi.Input<string>;
  readonly vpcArn: pulumi.Input<string>;
  readonly cidr: pulumi.Input<string>;
  /** One a zone, for hosts that users reach: machines get a public address. */
  readonly publicSubnets: readonly Subnet[];
  /** One a zone, for all others. */
  readonly privateSubnets: readonly Subnet[];
  /** Ways out, without which a machine that boots cannot install anything. */
  readonly routes: readonly pulumi.Resource[];
  /** Fails with what AWS's answers say against the configuration. */
  readonly checked: pulumi.Output<unknown>;
}

/** Ends the program with what AWS's answers say against the configuration: a preview asks too. */
function refuse(problem: string | undefined): void {
  if (problem !== undefined) {
    throw new pulumi.RunError(new ConfigError([problem]).message);
  }
}

/** A NAT gateway with its address, in one zone's public subnet. */
function natGateway(context: AwsContext, zone: string, subnet: aws.ec2.Subnet, gateway: aws.ec2.InternetGateway) {
  const name = `nat-${letterOf(zone)}`;
  // Both reach the internet through the gateway, which must be there first (EC2 API reference, `CreateNatGateway`).
  const options = { ...optionsOf(context), dependsOn: [gateway] };
  const address = new aws.ec2.Eip(name, { domain: "vpc", tags: tagsOf(context, name) }, options);
  return new aws.ec2.NatGateway(
    name,
    { allocationId: address.allocationId, subnetId: subnet.id, tags: tagsOf(context, name) },
    options,
  );
}

interface ZoneParts {
  readonly zone: string;
  readonly public: aws.ec2.Subnet;
  readonly private: aws.ec2.Subnet;
}

function zoneSubnets(context: AwsContext, vpc: aws.ec2.Vpc, plan: ZoneSubnets): ZoneParts {
  const subnet = (kind: "public" | "private") => {
    const name = `${kind}-${letterOf(plan.zone)}`;
    return new aws.ec2.Subnet(
      name,
      {
        vpcId: vpc.id,
        cidrBlock: plan[kind],
        availabilityZone: plan.zone,
        mapPublicIpOnLaunch: kind === "public",
        tags: tagsOf(context, name),
      },
      optionsOf(context),
    );
  };
  return { zone: plan.zone, public: subnet("public"), private: subnet("private") };
}

const everywhere = "0.0.0.0/0";

function ownNetwork(context: AwsContext): Network {
  const { config } = context;
  const options = optionsOf(context);
  const cidr = config.network.cidr ?? defaultNetwork;
  const plan = planSubnets(cidr, zonesOf(config), context.topology.hosts);
  if (typeof plan === "string") {
    throw new ConfigError([`webinfra:network.cidr is "${cidr}": ${plan}`]);
  }

  // Whatever state they are in: an outage of one must not keep a stack from being updated. Not the local zones that an account may have opted into.
  const filters = [{ name: "opt-in-status", values: ["opt-in-not-required"] }];
  const { names } = aws.getAvailabilityZonesOutput({ filters }, options);
  const checked = names.apply((offered) => {
    refuse(zonesProblem(config, offered));
  });
  const vpc = new aws.ec2.Vpc(
    "network",
    { cidrBlock: cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: tagsOf(context, "network") },
    options,
  );
  const vpcId = vpc.id;
  // Every VPC has this group, and it lets its members reach each other: without rules it lets nothing through.
  new aws.ec2.DefaultSecurityGroup("closed", { vpcId, tags: tagsOf(context, "closed") }, options);
  const gateway = new aws.ec2.InternetGateway("internet", { vpcId, tags: tagsOf(context, "internet") }, options);
  const zones = plan.map((subnets) => zoneSubnets(context, vpc, subnets));

  const routes: pulumi.Resource[] = [];
  const table = (name: string) => new aws.ec2.RouteTable(name, { vpcId, tags: tagsOf(context, name) }, options);
  const wayOut = (name: string, routeTableId: pulumi.Input<string>, through: Partial<aws.ec2.RouteArgs>) =>
    routes.push(new aws.ec2.Route(name, { routeTableId, destinationCidrBlock: everywhere, ...through }, options));
  const attach = (name: string, subnet: aws.ec2.Subnet, { id }: aws.ec2.RouteTable) =>
    routes.push(new aws.ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: id }, options));

  const publicTable = table("public");
  wayOut("public", publicTable.id, { gatewayId: gateway.id });
  const { nat } = config.aws;
  const withGateway = nat === "none" ? [] : nat === "single" ? zones.slice(0, 1) : zones;
  const gateways = new Map(
    withGateway.map(({ zone, public: subnet }) => [zone, natGateway(context, zone, subnet, gateway)]),
  );
  const [first] = gateways.values();
  // A table a zone also with one gateway: more gateways later are other routes, and no other tables.
  const privateTables = zones.map(({ zone, ...subnets }) => {
    const letter = letterOf(zone);
    const privateTable = table(`private-${letter}`);
    attach(`public-${letter}`, subnets.public, publicTable);
    attach(`private-${letter}`, subnets.private, privateTable);
    const through = gateways.get(zone) ?? first;
    if (through) {
      wayOut(`private-${letter}`, privateTable.id, { natGatewayId: through.id });
    }
    return privateTable;
  });
  // The channel is polled all the time: its traffic goes past the NAT gateway, which charges by the gigabyte.
  const endpoint = new aws.ec2.VpcEndpoint(
    "s3",
    {
      vpcId,
      serviceName: `com.amazonaws.${config.aws.region}.s3`,
      vpcEndpointType: "Gateway",
      routeTableIds: [publicTable, ...privateTables].map(({ id }) => id),
      tags: tagsOf(context, "s3"),
    },
    options,
  );
  const machines = (kind: "public" | "private"): readonly Subnet[] =>
    zones.map((one) => ({ id: one[kind].id, zone: one.zone }));
  return {
    vpcId,
    vpcArn: vpc.arn,
    cidr,
    publicSubnets: machines("public"),
    privateSubnets: machines("private"),
    routes: [...routes, endpoint],
    checked,
  };
}

/** The user's own VPC, whose routes are the user's affair. */
function existingNetwork(context: AwsContext, vpc: NonNullable<PlatformSettings["aws"]["vpc"]>): Network {
  const options = optionsOf(context);
  const found = aws.ec2.getVpcOutput({ id: vpc.id }, options);
  const checks: pulumi.Output<void>[] = [];
  const subnets = (kind: SubnetKind): readonly Subnet[] =>
    vpc[kind].map((id, index) => {
      const subnet = aws.ec2.getSubnetOutput({ id }, options);
      checks.push(
        pulumi.all([found, subnet]).apply(([network, one]) => {
          refuse(subnetProblem(network, kind, index, one));
        }),
      );
      return { id: subnet.id, zone: subnet.availabilityZone };
    });
  const [publicSubnets, privateSubnets] = [subnets("publicSubnets"), subnets("privateSubnets")];
  return {
    vpcId: vpc.id,
    vpcArn: found.arn,
    cidr: found.cidrBlock,
    publicSubnets,
    privateSubnets,
    routes: [],
    checked: pulumi.all(checks),
  };
}

/** The stack's own VPC, or the one that it names. */
export const makeNetwork = (context: AwsContext): Network =>
  context.config.aws.vpc === undefined ? ownNetwork(context) : existingNetwork(context, context.config.aws.vpc);

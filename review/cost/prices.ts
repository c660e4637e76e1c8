/**
 * List prices in US dollars, without taxes, discounts and free tiers. AWS: on demand, Linux, shared tenancy.
 * Change a price here together with its table's date; tests/unit/cost.test.ts pins sums of it.
 */

/** Hours that both providers count a month as. */
export const hoursPerMonth = 730;

/** Prices of one AWS region. */
export const awsPrices = {
  /**
   * When they were last compared: instance types and NAT with public price tables of 2025 and 2026 that agree with each other, the rest with single
   * mentions, because the provider's pages are filled in by a script and could not be read themselves.
   */
  date: "2026-11-21",
  region: "us-east-1",
  sources: [
    "https://aws.amazon.com/ec2/pricing/on-demand/",
    "https://aws.amazon.com/ebs/pricing/",
    "https://aws.amazon.com/vpc/pricing/",
    "https://aws.amazon.com/cloudwatch/pricing/",
    "https://aws.amazon.com/s3/pricing/",
  ],
  /** An hour of an instance. */
  instanceHour: {
    "t3.micro": 0.0104,
    "t3.small": 0.0208,
    "t3.medium": 0.0416,
    "t3.large": 0.0832,
    "t3.xlarge": 0.1664,
    "t3.2xlarge": 0.3328,
    "t3a.micro": 0.0094,
    "t3a.small": 0.0188,
    "t3a.medium": 0.0376,
    "t3a.large": 0.0752,
    "t3a.xlarge": 0.1504,
    "t3a.2xlarge": 0.3008,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
    "m6i.large": 0.096,
    "m6i.xlarge": 0.192,
    "m6i.2xlarge": 0.384,
    "m6i.4xlarge": 0.768,
    "m7i.large": 0.1008,
    "m7i.xlarge": 0.2016,
    "m7i.2xlarge": 0.4032,
    "m7i.4xlarge": 0.8064,
    "c5.large": 0.085,
    "c5.xlarge": 0.17,
    "c5.2xlarge": 0.34,
    "c5.4xlarge": 0.68,
    "c6i.large": 0.085,
    "c6i.xlarge": 0.17,
    "c6i.2xlarge": 0.34,
    "c6i.4xlarge": 0.68,
    "c7i.large": 0.08925,
    "c7i.xlarge": 0.1785,
    "c7i.2xlarge": 0.357,
    "c7i.4xlarge": 0.714,
    "r5.large": 0.126,
    "r5.xlarge": 0.252,
    "r5.2xlarge": 0.504,
    "r6i.large": 0.126,
    "r6i.xlarge": 0.252,
    "r6i.2xlarge": 0.504,
    "r7i.large": 0.1323,
    "r7i.xlarge": 0.2646,
    "r7i.2xlarge": 0.5292,
  } as Readonly<Record<string, number>>,
  /**
   * An hour of a vCPU above the baseline of a T3 or T3a in unlimited mode, Linux, the same in all regions and sizes (EC2 on-demand pricing,
   * "T2/T3/T4g Unlimited Mode Pricing").
   */
  surplusVcpuHour: 0.05,
  /** A month of a GiB on a gp3 volume with its 3000 IOPS and 125 MiB/s. */
  gp3GiBMonth: 0.08,
  /** An hour of a NAT gateway, without the $0.045 a GB that it carries. */
  natGatewayHour: 0.045,
  /** An hour of a public IPv4 address, in use or not. */
  publicIpv4Hour: 0.005,
  /** A month of an instance's detailed monitoring: 7 metrics at $0.30. */
  detailedMonitoringMonth: 2.1,
  /** A thousand GET requests to S3. */
  s3ThousandGets: 0.0004,
  /** A thousand LIST requests to S3. */
  s3ThousandLists: 0.005,
  /** A month of the channel's own storage: releases and host packages, taken as 4 GB at $0.023. */
  s3ChannelMonth: 0.09,
} as const;

/** Prices of DigitalOcean, the same in all regions. */
export const digitaloceanPrices = {
  /**
   * When they were last compared: the regular, the AMD and the dedicated Droplets, volumes and Spaces with public price tables, because the provider's
   * page could not be read itself. Reserved addresses: its documentation, "assigned reserved IPv4 addresses are free".
   */
  date: "2026-11-21",
  sources: [
    "https://www.digitalocean.com/pricing/droplets",
    "https://docs.digitalocean.com/products/volumes/details/pricing/",
    "https://docs.digitalocean.com/products/spaces/details/pricing/",
    "https://docs.digitalocean.com/products/networking/reserved-ips/details/pricing/",
  ],
  /** A month of a Droplet. */
  dropletMonth: {
    "s-1vcpu-512mb-10gb": 4,
    "s-1vcpu-1gb": 6,
    "s-1vcpu-2gb": 12,
    "s-2vcpu-2gb": 18,
    "s-2vcpu-4gb": 24,
    "s-4vcpu-8gb": 48,
    "s-8vcpu-16gb": 96,
    "s-1vcpu-1gb-amd": 7,
    "s-1vcpu-2gb-amd": 14,
    "s-2vcpu-2gb-amd": 21,
    "s-2vcpu-4gb-amd": 28,
    "s-4vcpu-8gb-amd": 56,
    "s-8vcpu-16gb-amd": 112,
  } as Readonly<Record<string, number>>,
  /** A month of a GiB of a volume. */
  volumeGiBMonth: 0.1,
  /** A month of Spaces, whatever the number of buckets, up to 250 GiB. */
  spacesMonth: 5,
  /** A month of a reserved IPv4 address while a Droplet has it; one that nobody has costs $5. */
  reservedIpMonth: 0,
  /** A NAT gateway: no price could be found in public documentation. */
  natGatewayMonth: null,
} as const;

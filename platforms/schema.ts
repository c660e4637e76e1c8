/** What platforms have in common in a stack's configuration: the private network, SSH, sizes of machines. */
import { z } from "zod";
import { parseCidr, isNetwork } from "../core/ipv4";
import { RoleName } from "../core/roles";
import { hostNamePattern, matching } from "../core/schema";

export const platformNames = ["incus", "aws", "digitalocean"] as const;
export type PlatformName = (typeof platformNames)[number];

/** True for a network whose host bits are zero and which leaves room for the hosts. */
const hasRoom = (cidr: string): boolean => {
  const { prefix } = parseCidr(cidr) ?? { prefix: 0 };
  return isNetwork(cidr) && prefix >= 8 && prefix <= 28;
};

export const networkSchema = z.strictObject({
  cidr: z
    .string({ error: () => "should be an IPv4 network, such as 10.77.0.0/24" })
    .refine(hasRoom, "should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24")
    .optional()
    .meta({
      description:
        "The private network. Default on incus: the first of 10.77.0.0/24 … 10.77.255.0/24 that is free on this machine; on aws 10.80.0.0/16, on digitalocean 10.81.0.0/20.",
    }),
});

/** A value for each role; a host with several roles takes that of the first it has, in the order of {@link sizeRoles}. */
export const perRole = (pattern: RegExp, right: string, defaults: Readonly<Record<RoleName, string>>) => {
  const size = (role: RoleName, hosts: string) =>
    matching(pattern, right)
      .default(defaults[role])
      .meta({ description: `Of ${hosts}.` });
  return z.strictObject({
    loadBalancer: size("loadBalancer", "load balancers"),
    webServer: size("webServer", "web servers"),
    appServer: size("appServer", "application servers"),
    database: size("database", "database servers"),
    monitor: size("monitor", "monitoring hosts"),
  });
};

/** The role that decides a host's size comes first. */
const sizeRoles: readonly RoleName[] = ["database", "appServer", "webServer", "loadBalancer", "monitor"];

/** The size of a host with these roles. */
export function sizeOf(roles: readonly RoleName[], sizes: Readonly<Record<RoleName, string>>): string {
  return sizes[sizeRoles.find((role) => roles.includes(role)) ?? "monitor"];
}

/** Volumes to take over, by host. */
export const hostsVolumes = (pattern: RegExp, right: string) =>
  z.record(matching(hostNamePattern, "a host's name, such as db-1"), matching(pattern, right)).default({}).meta({
    description:
      "Data volumes that an earlier stack kept, by the host that takes each over with its data. Default: new, blank ones.",
  });

const addressRange = /^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]+\/\d{1,3})$/;

export const sshSchema = z.strictObject({
  allowedCidrs: z
    .array(
      matching(addressRange, "an address range, such as 203.0.113.7/32").refine(
        (cidr) => !/\/0$/.test(cidr),
        "opens SSH to the whole world: should be your own address range, such as 203.0.113.7/32",
      ),
    )
    .min(1, "should list at least one address range")
    .meta({ description: "Who may connect to port 22 of the hosts; the whole world is refused." }),
  publicKey: matching(
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/=]+( .*)?$/,
    "an SSH public key, such as ssh-ed25519 AAAA… name",
  ).meta({
    description: "The key that logs in, as the image's own user: `admin` on AWS, `debian` elsewhere.",
  }),
});

export type SshSettings = z.output<typeof sshSchema>;

import { z } from "zod";
import * as ports from "../core/ports";
import { RoleName, roleNames } from "../topology/types";

/**
 * The whole configuration of a stack, with all defaults. Every key stands under `webinfra:` in `Pulumi.<stack>.yaml`.
 * This file is pure: it describes and checks values, `load.ts` reads them.
 */

/** DNS label: what a host's name and each part of a domain may be (RFC 1123). */
const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const domainName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Names of environment variables that a POSIX shell can set. */
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Debian package names (Debian Policy 5.6.1). */
const packageName = /^[a-z0-9][a-z0-9+.-]+$/;
const hostNamePattern = /^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$/;
const mysqlVariable = /^[a-z][a-z0-9_.]*$/;

/** Ports that hosts use themselves, in order. */
const takenPorts = Object.values(ports).toSorted((a, b) => a - b);

const oneOf = <T extends string>(values: readonly [T, ...T[]]) =>
  z.enum(values, { error: () => `should be one of ${values.map((value) => `"${value}"`).join(", ")}` });

const matching = (pattern: RegExp, right: string) =>
  z.string({ error: () => `should be ${right}` }).regex(pattern, `should be ${right}`);

const wholeNumber = (least: number, most: number, unit = "") => {
  const right = `should be a whole number from ${String(least)} to ${String(most)}${unit && ` ${unit}`}`;
  // A number set from the command line arrives as text. Not z.coerce, which takes "" and null for 0.
  const typed = (value: unknown): unknown =>
    typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  return z.preprocess(
    typed,
    z
      .number({ error: () => right })
      .int(right)
      .min(least, right)
      .max(most, right),
  );
};

/** Truth set from the command line arrives as text. */
const truth = z.union([z.boolean(), z.stringbool({ truthy: ["true"], falsy: ["false"] })], {
  error: () => "should be true or false",
});

/** Runs a rule over several keys whenever these keys are sound themselves, whatever is wrong elsewhere: one error lists every problem. */
const whenSound = (...keys: readonly (readonly string[])[]) => ({
  when: ({
    issues,
  }: {
    readonly issues: readonly {
      readonly code?: string | undefined;
      readonly path?: readonly PropertyKey[] | undefined;
    }[];
  }) =>
    !issues.some(
      ({ code, path = [] }) =>
        code !== "unrecognized_keys" &&
        keys.some((key) => key.slice(0, path.length).every((part, index) => part === path[index])),
    ),
});

/** True for `a.b.c.d/n` whose host bits are zero and which leaves room for the hosts (at most /28). */
function isNetworkAddress(value: string): boolean {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value);
  if (!parts) return false;
  const octets = parts.slice(1, 5).map(Number);
  const prefix = Number(parts[5]);
  if (octets.some((octet) => octet > 255) || prefix < 8 || prefix > 28) return false;
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return address % 2 ** (32 - prefix) === 0;
}

/** Variables that the platform sets for the application; a stack that set one would break the site. */
const reservedEnvironment = /^(HOST|PORT|SERVER_NAME|MACHINE_ID|PRIVATE_ADDRESS|RELEASE|DATABASE_(WRITE|READ)_.*)$/;

const variableName = (example: string) =>
  matching(environmentName, `the name of an environment variable, such as ${example}`).refine(
    (name) => !reservedEnvironment.test(name),
    "is set by webinfra itself: choose another name",
  );

const environmentValue = "should be one line of text";
const environment = z.record(
  variableName("LOG_LEVEL"),
  z
    .union([z.string(), z.number(), z.boolean()], { error: () => environmentValue })
    .transform(String)
    // systemd drops a variable with a control character in it, and says so only in the journal.
    .refine((value) => !/[^\P{Cc}\t]/u.test(value), environmentValue),
);

/** Requests at once, of an application that says nothing: as many as Node's or a threaded server's run-time takes without harm, and few enough to be answered in time. */
const defaultConcurrency = 64;

const app = z
  .strictObject({
    directory: z
      .string({ error: () => "should be a folder's path" })
      .min(1, "should be a folder's path")
      .default("app/dist")
      .meta({ description: "Folder with the code that runs on the application servers, relative to the project." }),
    packages: z
      .array(matching(packageName, "the name of a Debian package"))
      .default(["nodejs"])
      .meta({ description: "Debian packages that the application needs." }),
    start: matching(/^\/[^\n]*$/, "one line that starts with an absolute path, such as /usr/bin/node server.js")
      .default("/usr/bin/node server.js")
      .meta({
        description:
          "Command that starts the application, run in the release's folder; the first word is an absolute path.",
      }),
    port: wholeNumber(1024, 65000)
      .refine((port) => !takenPorts.some((taken) => taken === port || taken === port + 1), {
        error: ({ input }) =>
          `the application uses this port and the next, and webinfra itself uses ${String(takenPorts.find((taken) => taken >= Number(input)))}: should be others, such as 3000`,
      })
      .default(3000)
      .meta({
        description:
          "TCP port on the loopback interface that the application listens on (`$PORT`); the next one is used while a release is switched.",
      }),
    healthPath: matching(/^\/[A-Za-z0-9._~/-]*$/, "a path, such as /healthz")
      .default("/healthz")
      .meta({ description: "Path that answers 200 while the application can serve. It must not ask the database." }),
    concurrency: wholeNumber(1, 10_000)
      .optional()
      .meta({
        description:
          "Requests that the application of one host works on at once; more wait for up to two seconds and are then refused (503). Event streams are not counted: sixteen times as many may be open. " +
          `Default: ${String(defaultConcurrency)}; with \`php -S\`, its workers (\`PHP_CLI_SERVER_WORKERS\`, else 1).`,
      }),
    staticDirectory: matching(/^[A-Za-z0-9._-]+$/, "a folder's name inside app.directory")
      .default("static")
      .meta({ description: "Folder inside `directory` whose files Nginx serves itself under `/<its name>/`." }),
    environment: environment.default({}).meta({ description: "Environment of the application." }),
    secrets: z.array(variableName("API_TOKEN")).default([]).meta({
      description:
        "Names of values in `webinfra:secrets` that the application gets as environment variables of the same name.",
    }),
  })
  .superRefine(
    ({ environment, secrets }, context) => {
      secrets.forEach((name, index) => {
        if (Object.hasOwn(environment, name)) {
          context.addIssue({
            code: "custom",
            path: ["secrets", index],
            input: name,
            message: "stands in app.environment too: keep one of them",
          });
        }
      });
    },
    whenSound(["environment"], ["secrets"]),
  );

/** Requests that the application of one host works on at once. */
export function concurrencyOf({ concurrency, start, environment }: z.output<typeof app>): number {
  if (concurrency !== undefined) return concurrency;
  if (!/\/php[0-9.]*(\s+-\S+(\s+[^\s-]\S*)?)*\s+-S\s/.test(start)) return defaultConcurrency;
  const workers = environment["PHP_CLI_SERVER_WORKERS"] ?? "";
  // PHP's built-in server takes nothing but a number above 1.
  return /^[1-9]\d{0,3}$/.test(workers) ? Number(workers) : 1;
}

/** The APT source that MySQL is installed from. */
const packageSource = z.strictObject({
  uri: matching(/^(mirror|https?:\/\/[A-Za-z0-9._~:/@%+-]+)$/, '"mirror" or an http(s) URL')
    .default("https://repo.mysql.com/apt/debian/")
    .meta({ description: "`mirror` stands for the Debian mirror that the host's own image uses." }),
  suite: matching(/^[a-z0-9./-]+$/, "an APT suite, such as trixie")
    .default("trixie")
    .meta({ description: "The suite of the source." }),
  components: z
    .array(matching(/^[a-z0-9.-]+$/, "an APT component, such as main"))
    .min(1, "should name at least one APT component, such as main")
    .default(["mysql-8.4-lts"])
    .meta({ description: "The components of the source." }),
  options: z
    .record(matching(/^[a-z-]+$/, "an APT source option"), matching(/^[A-Za-z0-9._:,/+-]+$/, "one word"))
    .default({})
    .meta({ description: 'Options in the source\'s brackets, such as `check-valid-until: "no"`.' }),
  keyUrl: matching(/^https:\/\/[A-Za-z0-9._~:/@%+-]+$/, "an https URL")
    .default("https://repo.mysql.com/RPM-GPG-KEY-mysql-2025")
    .meta({
      description:
        "Where the host fetches the OpenPGP key that signs the source. Not used with `uri: mirror`, which the image's own Debian keys sign.",
    }),
  pins: z
    .array(
      z.strictObject({
        package: matching(/^[^\n]+$/, "one line").meta({
          description: "Packages as APT's preferences name them; `src:NAME` is every package of a source package.",
        }),
        release: matching(/^[^\n]+$/, "one line").meta({
          description: "Release as APT's preferences name it, such as `n=sid`.",
        }),
        priority: wholeNumber(-1, 1001).meta({
          description:
            "APT's priority; above 500 wins over the host's own release, below 100 is taken only when nothing else has the package.",
        }),
      }),
    )
    .default([])
    .meta({ description: "APT pins: which packages of this source may be taken, and with what priority." }),
  packages: z
    .array(matching(packageName, "the name of a Debian package"))
    .min(1, "should name at least one Debian package")
    .default(["mysql-community-server"])
    .meta({ description: "The packages to install." }),
});

/**
 * Settings that a stack's `mysql.settings` cannot change: replication, durability and the safety of what is stored and sent stand on them.
 * Exported for the test that holds each.
 */
export const heldMysqlSettings: readonly string[] = [
  "server_id",
  "report_host",
  "bind_address",
  "port",
  "skip_networking",
  "skip_grant_tables",
  "super_read_only",
  "read_only",
  "skip_replica_start",
  "gtid_mode",
  "enforce_gtid_consistency",
  "log_bin",
  "log_replica_updates",
  "relay_log",
  "relay_log_recovery",
  "sync_binlog",
  "innodb_flush_log_at_trx_commit",
  "rpl_semi_sync_source_enabled",
  "rpl_semi_sync_source_timeout",
  "rpl_semi_sync_source_wait_no_replica",
  "rpl_semi_sync_source_wait_point",
  "rpl_semi_sync_replica_enabled",
  "require_secure_transport",
  "ssl_ca",
  "ssl_cert",
  "ssl_key",
  "clone_ssl_ca",
  "plugin_load",
  "plugin_load_add",
  "datadir",
  "mysqlx",
];

/** MySQL reads these prefixes of an option's name as "if there is one", "off" and "on". */
const optionPrefix = /^(loose|skip|disable|enable|maximum)_/;

/** True for a held setting, also behind prefixes: `skip_log_bin` would turn the binary log off. */
function isHeld(setting: string): boolean {
  if (heldMysqlSettings.includes(setting)) return true;
  return optionPrefix.test(setting) && isHeld(setting.replace(optionPrefix, ""));
}

const mysql = z.strictObject({
  source: packageSource
    .prefault({})
    .meta({ description: "The APT source that MySQL is installed from. The default is MySQL's own." }),
  memoryMiB: wholeNumber(256, 1_048_576, "MiB").default(512).meta({
    description: "Memory that MySQL may plan with, in MiB: its buffers are sized from this and never from the machine.",
  }),
  settings: z
    .record(
      matching(mysqlVariable, "the name of a MySQL variable").refine(
        (name) => !isHeld(name),
        "is held by webinfra (replication and durability stand on it): leave it out",
      ),
      z.union([z.string().regex(/^[^\n]*$/, "should be one line"), z.number(), z.boolean()], {
        error: () => "should be one line of text, a number, true or false",
      }),
    )
    .default({})
    .meta({
      description:
        "Extra `[mysqld]` settings; they win over the product's own, except for the ones that replication and safety stand on.",
    }),
  volumeGiB: wholeNumber(1, 16_384, "GiB")
    .default(20)
    .meta({ description: "Size of a data volume in GiB (where the platform can limit it)." }),
  durability: oneOf(["prefer", "require"]).default("prefer").meta({
    description:
      "`prefer`: an acknowledged write is on two machines unless no replica answers for 1 s. `require`: it waits for a replica for as long as it takes; refused with fewer than two replicas.",
  }),
  maxLagSeconds: wholeNumber(1, 3600, "seconds")
    .default(5)
    .meta({ description: "A replica that is further behind, in seconds, leaves the read pool." }),
  protect: truth.optional().meta({
    description:
      "Refuse to delete or replace a database host until it is unprotected. Default: true on the clouds, false on incus.",
  }),
});

const image = z.strictObject({
  bake: truth.default(true).meta({
    description:
      "Machines on incus start from an image that holds all packages of the stack's hosts, made once by `up` and shared by stacks. `false`: each machine installs its own.",
  }),
  maxAgeDays: wholeNumber(1, 365, "days").default(7).meta({
    description:
      "A new machine gets an image at most this many days old; an older one is made anew first, for its packages' updates. Machines that run stay as they are.",
  }),
});

const network = z.strictObject({
  cidr: z
    .string({ error: () => "should be an IPv4 network, such as 10.77.0.0/24" })
    .refine(isNetworkAddress, "should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24")
    .optional()
    .meta({
      description:
        "The private network. Default on incus: the first of 10.77.0.0/24 … 10.77.255.0/24 that is free on this machine; on aws 10.80.0.0/16, on digitalocean 10.81.0.0/20.",
    }),
});

/** A value for each role; a host with several roles takes that of the first it has, in the order of {@link sizeRoles}. */
const perRole = (pattern: RegExp, right: string, defaults: Readonly<Record<RoleName, string>>) => {
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

const hostsVolumes = (pattern: RegExp, right: string) =>
  z.record(matching(hostNamePattern, "a host's name, such as db-1"), matching(pattern, right)).default({}).meta({
    description:
      "Data volumes that an earlier stack kept, by the host that takes each over with its data. Default: new, blank ones.",
  });

const aws = z
  .strictObject({
    region: matching(/^[a-z]{2}(-[a-z]+)+-\d$/, "an AWS region, such as eu-central-1")
      .default("us-east-1")
      .meta({ description: "The region." }),
    zones: z
      .array(matching(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, "an availability zone, such as eu-central-1a"))
      .min(2, "should name at least two availability zones")
      .optional()
      .meta({
        description:
          "Availability zones that the hosts of each role are spread over, by their numbers. Default: `a` and `b` of the region.",
      }),
    accountId: matching(/^\d{12}$/, 'an AWS account\'s 12 digits in quotes, such as "123456789012"')
      .optional()
      .meta({ description: "Refuse to work in another account than this one." }),
    instanceTypes: perRole(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, "an EC2 instance type, such as t3.small", {
      loadBalancer: "t3.small",
      webServer: "t3.small",
      appServer: "t3.small",
      database: "t3.medium",
      monitor: "t3.small",
    })
      .prefault({})
      .meta({ description: "EC2 instance types (x86-64, Nitro), a role." }),
    image: matching(/^ami-[0-9a-f]{8,17}$/, "an image's id, such as ami-0123456789abcdef0")
      .optional()
      .meta({
        description:
          "The Debian 13 image of new machines. Default: Debian's newest at the time a machine is first made; a later one never replaces it unasked.",
      }),
    nat: oneOf(["none", "single", "per-zone"]).default("single").meta({
      description:
        "How private hosts reach the internet: one NAT gateway, one a zone, or none, which needs an `image` that holds all packages.",
    }),
    vpc: z
      .strictObject({
        id: matching(/^vpc-[0-9a-f]{8,17}$/, "a VPC's id, such as vpc-0123456789abcdef0").meta({
          description: "Its id.",
        }),
        publicSubnets: z
          .array(matching(/^subnet-[0-9a-f]{8,17}$/, "a subnet's id, such as subnet-0123456789abcdef0"))
          .min(2, "should list at least two subnets")
          .meta({
            description: "For balancers: with a route to an internet gateway and public addresses, one a zone.",
          }),
        privateSubnets: z
          .array(matching(/^subnet-[0-9a-f]{8,17}$/, "a subnet's id, such as subnet-0123456789abcdef0"))
          .min(2, "should list at least two subnets")
          .meta({ description: "For all other hosts: with a way out to the internet and to S3, one a zone." }),
      })
      .optional()
      .meta({ description: "An existing VPC to use. Default: one of the stack's own." }),
    zoneId: matching(/^Z[A-Z0-9]{4,31}$/, "a Route 53 hosted zone's id, such as Z0123456789ABCDEFGHIJ")
      .optional()
      .meta({ description: "Route 53 hosted zone that gets the site's name. Default: no DNS record." }),
    volumes: hostsVolumes(/^vol-[0-9a-f]{8,17}$/, "a volume's id, such as vol-0123456789abcdef0"),
  })
  .superRefine(
    ({ region, zones, nat, image, vpc }, context) => {
      zones?.forEach((zone, index) => {
        if (!zone.startsWith(region)) {
          context.addIssue({
            code: "custom",
            path: ["zones", index],
            input: zone,
            message: `is not in the region ${region}: should be such as ${region}a`,
          });
        }
      });
      if (nat === "none" && image === undefined && vpc === undefined) {
        context.addIssue({
          code: "custom",
          path: ["nat"],
          input: nat,
          message:
            "private hosts could not install their packages: should be single or per-zone, or set aws.image to an image that holds all packages",
        });
      }
    },
    whenSound(["region"], ["zones"], ["nat"], ["image"], ["vpc"]),
  );

const digitalocean = z.strictObject({
  region: matching(/^[a-z]{3}[1-9]$/, "a DigitalOcean region, such as fra1")
    .refine((region) => !["nyc1", "nyc2", "ric1"].includes(region), {
      error: () => "has no Spaces, which the channel needs: should be another region, such as nyc3 or fra1",
    })
    .default("fra1")
    .meta({ description: "The region. It needs Spaces." }),
  sizes: perRole(/^[a-z0-9]+(-[a-z0-9]+)+$/, "a Droplet size, such as s-1vcpu-2gb", {
    loadBalancer: "s-1vcpu-2gb",
    webServer: "s-1vcpu-2gb",
    appServer: "s-1vcpu-2gb",
    database: "s-2vcpu-4gb",
    monitor: "s-1vcpu-2gb",
  })
    .prefault({})
    .meta({ description: "Droplet sizes, a role." }),
  image: matching(/^[a-z0-9][a-z0-9.-]*$/, "an image's slug or id, such as debian-13-x64")
    .default("debian-13-x64")
    .meta({
      description: "The Debian 13 image of new Droplets, resolved once: a later one never replaces a host unasked.",
    }),
  publicNetworking: truth.default(true).meta({
    description:
      "`false`: hosts other than balancers have no public interface and reach the internet through a NAT gateway. `true`: they have one, which the firewall closes.",
  }),
  dnsZone: matching(domainName, "a domain that DigitalOcean serves, such as foobar.com")
    .optional()
    .meta({ description: "The DigitalOcean domain that gets the site's name. Default: no DNS record." }),
  volumes: hostsVolumes(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "a volume's id, such as 506f78a4-e098-11e5-ad9f-000f53306ae1",
  ),
});

const addressRange = /^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]+\/\d{1,3})$/;

const ssh = z.strictObject({
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

const rule = matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, "the name of a rule, such as production-https");

const policy = z.strictObject({
  waivers: z
    .record(rule, matching(/^.{10,}$/, "the reason, in at least 10 characters"))
    .default({})
    .meta({ description: "Rules of the policy pack that this stack need not keep, by name, each with the reason." }),
  monthlyUsd: wholeNumber(1, 1_000_000, "US dollars").optional().meta({
    description: "The most that the stack may cost a month, by the price table, in US dollars. Default: no ceiling.",
  }),
  regions: z
    .array(matching(/^[a-z0-9-]+$/, "a region, such as eu-central-1"))
    .optional()
    .meta({ description: "Regions that the stack may use. Default: any." }),
  sizes: z
    .array(matching(/^[a-z0-9.-]+$/, "an instance type or Droplet size, such as t3.small"))
    .optional()
    .meta({
      description: "Instance types and Droplet sizes that the stack may use. Default: those of the price table.",
    }),
});

export const platforms = ["incus", "aws", "digitalocean"] as const;
export const presetNames = ["dedicated-databases", "primary-replica-pair", "split-tiers", "replica-per-web"] as const;

/** A host of a stack's own list. */
const host = z.strictObject({
  name: matching(hostNamePattern, "a DNS label of at most 24 characters that starts with a letter, such as web-1").meta(
    { description: "The host's name." },
  ),
  roles: z
    .array(oneOf(roleNames))
    .min(1, `should hold at least one of ${roleNames.join(", ")}`)
    .meta({ description: "What stands on it." }),
});

export const configSchema = z
  .strictObject({
    platform: oneOf(platforms).meta({ description: "Where the hosts run." }),
    topology: oneOf([...presetNames, "custom"])
      .default("dedicated-databases")
      .meta({ description: "Which hosts there are and what stands on them." }),
    hosts: z
      .array(host)
      .min(1, "should list at least one host")
      .optional()
      .meta({ description: "The stack's own list of hosts, with `topology: custom`." }),
    primary: z
      .string({ error: () => "should be the name of a host with the role database" })
      .optional()
      .meta({
        description:
          "With `hosts`: which database is primary when the site is first created. Default: the first one listed.",
      }),
    balancing: oneOf(["active-active", "active-passive"]).default("active-active").meta({
      description:
        "`active-active`: all web servers take requests. `active-passive`: the first does, and the others only when it is gone.",
    }),
    algorithm: oneOf(["roundrobin", "leastconn", "source"]).default("roundrobin").meta({
      description:
        "How balancers choose a web server: in turn, the one with the fewest connections, or by the visitor's address.",
    }),
    sticky: truth.default(false).meta({
      description:
        "Visitors come back to the same web server, by a cookie. Without effect when balancing is active-passive.",
    }),
    domain: matching(domainName, "a domain name, such as www.foobar.com")
      .default("www.foobar.com")
      .meta({ description: "The site's name." }),
    web: wholeNumber(1, 100).default(2).meta({ description: "Number of web servers." }),
    appServers: wholeNumber(1, 100)
      .default(2)
      .meta({ description: "Number of application servers, with `topology: split-tiers`." }),
    replicas: wholeNumber(0, 8)
      .default(1)
      .meta({ description: "Number of MySQL replicas; `replica-per-web` has at least one on each web server." }),
    app: app.prefault({}).meta({ description: "The application that the site serves." }),
    mysql: mysql.prefault({}).meta({ description: "The database servers." }),
    image: image.prefault({}).meta({ description: "The image that machines start from, on incus." }),
    network: network.prefault({}).meta({ description: "The private network of the hosts." }),
    aws: aws.prefault({}).meta({ description: "What only the platform `aws` knows." }),
    digitalocean: digitalocean.prefault({}).meta({ description: "What only the platform `digitalocean` knows." }),
    ssh: ssh.optional().meta({ description: "Opens SSH on the clouds. Default: closed." }),
    production: truth.default(false).meta({
      description:
        "The stack is production: the policy pack holds it to two balancers, three databases, HTTPS, backups and monitoring.",
    }),
    policy: policy.prefault({}).meta({ description: "What the policy pack allows this stack." }),
    readyTimeoutSeconds: wholeNumber(10, 3600, "seconds")
      .default(600)
      .meta({ description: "Seconds that `up` waits for every new machine to be seen serving." }),
    secrets: z.unknown().optional().meta({
      description:
        "Secrets given by the user, set with `pulumi config set --secret --path`; read apart from the rest and kept secret.",
    }),
  })
  .superRefine(
    ({ platform, topology, hosts, primary, ssh }, context) => {
      const problem = (path: string, input: unknown, message: string) =>
        context.addIssue({ code: "custom", path: [path], input, message });
      if (platform === "incus" && ssh !== undefined) {
        problem(
          "ssh",
          ssh,
          "is used only on aws and digitalocean: on incus `webinfra exec HOST` runs commands; leave it out",
        );
      }
      if (topology === "custom") {
        if (!hosts) problem("hosts", hosts, 'topology "custom" needs the list of hosts, each with a name and roles');
        return;
      }
      const only = `is used only with topology "custom" (it is "${topology}")`;
      if (hosts) problem("hosts", hosts, `${only}: set webinfra:topology to custom, or leave hosts out`);
      if (primary !== undefined) problem("primary", primary, `${only}: leave it out`);
    },
    whenSound(["platform"], ["topology"], ["hosts"], ["primary"], ["ssh"]),
  );

/** A stack's configuration after checks and defaults. Holds no secret. */
export type Config = Omit<z.output<typeof configSchema>, "secrets">;
export { dnsLabel };

/** The resources of our provider, as a Pulumi program uses them. */
import * as pulumi from "@pulumi/pulumi";

// Fields are declared, not defined: tsx and esbuild would set a defined field to undefined after the constructor set it.

/** Arguments of {@link Network}. */
export interface NetworkArgs {
  /** Name of the bridge: `webinfra-` and at most 6 characters; `networkName(stack)` of provider/incus makes one. */
  readonly name: pulumi.Input<string>;
  /** The stack that it belongs to. */
  readonly stack: pulumi.Input<string>;
  /** IPv4 subnet, /16 to /28. Default: the first of 10.77.0.0/24 … 10.77.255.0/24 that nothing here uses. Cannot change. */
  readonly cidr?: pulumi.Input<string> | undefined;
}

/** An Incus bridge with NAT. */
export class Network extends pulumi.CustomResource {
  /** The subnet in CIDR notation. */
  declare public readonly cidr: pulumi.Output<string>;
  /** The bridge's own address: the machines' gateway and name server. */
  declare public readonly gateway: pulumi.Output<string>;
  /** The bridge's name. */
  declare public readonly network: pulumi.Output<string>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:incus:Network", name, { ...args, gateway: undefined, network: undefined, cidr: args.cidr }, opts);
  }
}

/** Arguments of {@link Volume}. */
export interface VolumeArgs {
  /** Name of the volume; `volumeName(stack, host)` of provider/incus makes one. */
  readonly name: pulumi.Input<string>;
  /** The stack that it belongs to. A volume of this name and stack that exists is adopted, with its data. */
  readonly stack: pulumi.Input<string>;
  /** The host whose data it holds. */
  readonly host: pulumi.Input<string>;
  /** Size limit in GiB; needs a storage pool that can limit. Default: none. */
  readonly sizeGiB?: pulumi.Input<number> | undefined;
}

/** A volume that outlives the machines that mount it. */
export class Volume extends pulumi.CustomResource {
  /** The volume's name. */
  declare public readonly volume: pulumi.Output<string>;

  constructor(name: string, args: VolumeArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:incus:Volume", name, { ...args, volume: undefined }, opts);
  }
}

/** What an image with packages is made from, and how old it may be for a new machine. */
export interface ImageRecipe {
  /** Alias of the image that the throw-away machine boots. */
  readonly base: pulumi.Input<string>;
  /** Its cloud-init's user-data, which installs the packages; `imageConfig` of cloudinit/ renders it. Holds no secret. */
  readonly userData: pulumi.Input<string>;
  /** A new machine gets an image that is at most so old, in days. */
  readonly maxAgeDays: pulumi.Input<number>;
}

/** Arguments of {@link Image}. */
export interface ImageArgs extends ImageRecipe {
  /** Name of the network that packages are fetched through. */
  readonly network: pulumi.Input<string>;
}

/** An image that holds all packages of a stack's hosts, shared by all stacks that want the same. It outlives the stack. */
export class Image extends pulumi.CustomResource {
  constructor(name: string, args: ImageArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:incus:Image", name, { ...args }, opts);
  }
}

/** A volume in a machine. */
export interface MachineVolume {
  /** Name of the volume. */
  readonly name: pulumi.Input<string>;
  /** Where the machine mounts it. */
  readonly path: pulumi.Input<string>;
}

/** Arguments of {@link Machine}. */
export interface MachineArgs {
  /** Host name, such as web-1. */
  readonly host: pulumi.Input<string>;
  /** The stack that it belongs to. */
  readonly stack: pulumi.Input<string>;
  /** Roles placed on the host; labels only. Changed in place. */
  readonly roles: pulumi.Input<pulumi.Input<string>[]>;
  /** Alias of the image to boot, or what that is made from. Changes reach new machines only. */
  readonly image: pulumi.Input<string | ImageRecipe>;
  /** Name of the network to attach. */
  readonly network: pulumi.Input<string>;
  /** cloud-init's user-data in plain text. Kept as a secret. */
  readonly userData: pulumi.Input<string>;
  /**
   * Digest of the wanted definition, for a machine whose `userData` changes are ignored: a warning says when it runs an older one. Default: none.
   */
  readonly definition?: pulumi.Input<string> | undefined;
  /** Directory of the channel on this computer; the machine sees it read-only at /var/lib/webinfra-channel. */
  readonly channel: pulumi.Input<string>;
  /** The data volume. Default: none. */
  readonly volume?: pulumi.Input<MachineVolume> | undefined;
  /** Longest wait for the start and an address. Default: 120 s. */
  readonly startTimeoutSeconds?: pulumi.Input<number> | undefined;
  /** Longest wait for an orderly stop before the machine is stopped by force and deleted. Default: 30 s. */
  readonly stopTimeoutSeconds?: pulumi.Input<number> | undefined;
}

/** A system container that boots a cloud image. A changed definition makes a new one before the old one goes. */
export class Machine extends pulumi.CustomResource {
  /** Machine id: Incus's name of the instance, and cloud-init's instance id. */
  declare public readonly machine: pulumi.Output<string>;
  /** IPv4 address in the network. */
  declare public readonly address: pulumi.Output<string>;
  /** Incus's word for its condition: Running once made; a refresh may find another, and the next update starts it. */
  declare public readonly status: pulumi.Output<string>;

  constructor(name: string, args: MachineArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:incus:Machine",
      name,
      { ...args, machine: undefined, address: undefined, status: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["userData"] }),
    );
  }
}

/** Arguments of {@link ChannelObject}. */
export interface ChannelObjectArgs {
  /** The channel's directory on this computer. */
  readonly directory: pulumi.Input<string>;
  /** Path in the channel, such as pointers/primary.json. */
  readonly key: pulumi.Input<string>;
  /** The text. Every host can read it: no secrets. */
  readonly content: pulumi.Input<string>;
}

/** A small text in the channel that belongs to the program: an inventory entry, or which release to run. */
export class ChannelObject extends pulumi.CustomResource {
  constructor(name: string, args: ChannelObjectArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:channel:Object", name, { ...args }, opts);
  }
}

/** Arguments of {@link Pointer}. */
export interface PointerArgs {
  /** The channel's directory on this computer. */
  readonly directory: pulumi.Input<string>;
  /** Path in the channel, such as pointers/primary.json. */
  readonly key: pulumi.Input<string>;
  /** The text that it has at first; changes of it do nothing. Every host can read it: no secrets. */
  readonly content: pulumi.Input<string>;
}

/** A text in the channel that belongs to operations: made when nothing is there, and never touched again, not even to delete it. */
export class Pointer extends pulumi.CustomResource {
  constructor(name: string, args: PointerArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:channel:Pointer",
      name,
      { ...args },
      // What it was in stacks of the version before.
      pulumi.mergeOptions(opts, { aliases: [{ type: "webinfra:channel:Object" }] }),
    );
  }
}

/** Arguments of {@link ChannelFile}. */
export interface ChannelFileArgs {
  /** The channel's directory on this computer. */
  readonly directory: pulumi.Input<string>;
  /** Path in the channel, such as releases/<sha256>.tar.gz. */
  readonly key: pulumi.Input<string>;
  /** The file to copy. */
  readonly source: pulumi.Input<string>;
  /** SHA-256 that it must have, in lower-case hexadecimal. */
  readonly sha256: pulumi.Input<string>;
}

/** A file copied into the channel: a release. */
export class ChannelFile extends pulumi.CustomResource {
  constructor(name: string, args: ChannelFileArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:channel:File", name, { ...args }, opts);
  }
}

/** Arguments of {@link Password}. */
export interface PasswordArgs {
  /** Number of characters, 16 to 256. Default: 32. A change draws a new password. */
  readonly length?: pulumi.Input<number> | undefined;
}

/** A password of letters and digits, drawn once. */
export class Password extends pulumi.CustomResource {
  /** The password; secret. */
  declare public readonly result: pulumi.Output<string>;

  constructor(name: string, args: PasswordArgs = {}, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:secrets:Password",
      name,
      { ...args, result: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["result"] }),
    );
  }
}

/** Arguments of {@link CertificateAuthority}. */
export interface CertificateAuthorityArgs {
  /** The subject's common name. */
  readonly commonName: pulumi.Input<string>;
  /** Days until it ends. Default: 3650. */
  readonly validityDays?: pulumi.Input<number> | undefined;
}

/** A private certificate authority (ECDSA, P-256). */
export class CertificateAuthority extends pulumi.CustomResource {
  /** Its certificate, PEM. */
  declare public readonly certificate: pulumi.Output<string>;
  /** Its private key, PKCS #8 PEM; secret. */
  declare public readonly key: pulumi.Output<string>;

  constructor(name: string, args: CertificateAuthorityArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:secrets:CertificateAuthority",
      name,
      { ...args, certificate: undefined, key: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["key"] }),
    );
  }
}

/** Arguments of {@link Certificate}. */
export interface CertificateArgs {
  /** The authority's certificate, PEM. */
  readonly caCertificate: pulumi.Input<string>;
  /** The authority's private key, PKCS #8 PEM; secret. */
  readonly caKey: pulumi.Input<string>;
  /** The subject's common name. */
  readonly commonName: pulumi.Input<string>;
  /** Names (or IP addresses) that it is valid for; at least one. */
  readonly dnsNames: pulumi.Input<pulumi.Input<string>[]>;
  /** Days until it ends. Default: 3650. */
  readonly validityDays?: pulumi.Input<number> | undefined;
}

/** A certificate for servers and clients, signed by an authority (ECDSA, P-256). */
export class Certificate extends pulumi.CustomResource {
  /** The certificate, PEM, without the authority's. */
  declare public readonly certificate: pulumi.Output<string>;
  /** Its private key, PKCS #8 PEM; secret. */
  declare public readonly key: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:secrets:Certificate",
      name,
      { ...args, certificate: undefined, key: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["caKey", "key"] }),
    );
  }
}

/** Arguments of {@link Definition}. */
export interface DefinitionArgs {
  /** Host name, such as db-1. */
  readonly host: pulumi.Input<string>;
  /** Machine id. */
  readonly machine: pulumi.Input<string>;
  /** Digest of the wanted definition. */
  readonly definition: pulumi.Input<string>;
}

/** Remembers what a machine was made from, for one whose changes are ignored: a warning says when it runs an older definition. */
export class Definition extends pulumi.CustomResource {
  constructor(name: string, args: DefinitionArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:index:Definition", name, { ...args }, opts);
  }
}

/** A machine that {@link Ready} must see. */
export interface ReadyMachine {
  /** Machine id. */
  readonly machine: pulumi.Input<string>;
  /** Host name. */
  readonly name: pulumi.Input<string>;
  readonly roles: pulumi.Input<pulumi.Input<string>[]>;
  /** IPv4 address that this computer can reach. */
  readonly address: pulumi.Input<string>;
  /** A passive web server, which balancers show only when no other one is left. Default: false. */
  readonly standby?: pulumi.Input<boolean> | undefined;
}

/** Arguments of {@link Ready}. */
export interface ReadyArgs {
  /** The site's URL, such as http://10.77.0.5. */
  readonly site: pulumi.Input<string>;
  /** The Host header of requests to it. Default: that of its URL. */
  readonly host?: pulumi.Input<string> | undefined;
  /** Every machine of the site. */
  readonly machines: pulumi.Input<pulumi.Input<ReadyMachine>[]>;
  /**
   * `private`: this computer reaches every machine, and each must answer for itself. `public`: it reaches the site's address only, and what shows through
   * it counts: a balancer, every active web server with the release, the first page. Default: `private`.
   */
  readonly reach?: pulumi.Input<"private" | "public"> | undefined;
  /** The release that app servers must run: SHA-256, or "" for any. */
  readonly release: pulumi.Input<string>;
  /** Longest wait. Default: 300 s. */
  readonly timeoutSeconds?: pulumi.Input<number> | undefined;
  /** Anything whose change must make it look again. Default: nothing. */
  readonly channel?: pulumi.Input<string> | undefined;
}

/** Exists once every machine was seen serving. It looks again when a machine or the release changes, or the site is down. */
export class Ready extends pulumi.CustomResource {
  /** When everything was last seen, in ISO 8601. */
  declare public readonly checkedAt: pulumi.Output<string>;

  constructor(name: string, args: ReadyArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:index:Ready", name, { ...args, checkedAt: undefined }, opts);
  }
}

/** The resources of our provider, as a Pulumi program uses them. */
import * as pulumi from "@pulumi/pulumi";
// Types alone: a program needs nothing else of the provider, whose schemas say what a resource takes.
import type { Args } from "./inputs/args";
import type { fileInputs, objectInputs, pointerInputs } from "./inputs/channel";
import type { imageInputs, machineInputs, networkInputs, volumeInputs } from "./inputs/incus";
import type { readyInputs } from "./inputs/ready";
import type { authorityInputs, certificateInputs, passwordInputs, sealedInputs } from "./inputs/secrets";

// Fields are declared, not defined: tsx and esbuild would set a defined field to undefined after the constructor set it.

/** Arguments of {@link Network}. */
export type NetworkArgs = Args<typeof networkInputs>;

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
export type VolumeArgs = Args<typeof volumeInputs>;

/** A volume that outlives the machines that mount it. */
export class Volume extends pulumi.CustomResource {
  /** The volume's name. */
  declare public readonly volume: pulumi.Output<string>;

  constructor(name: string, args: VolumeArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:incus:Volume", name, { ...args, volume: undefined }, opts);
  }
}

/** Arguments of {@link Image}. */
export type ImageArgs = Args<typeof imageInputs>;

/** An image that holds all packages of a stack's hosts, shared by all stacks that want the same. It outlives the stack. */
export class Image extends pulumi.CustomResource {
  constructor(name: string, args: ImageArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:incus:Image", name, { ...args }, opts);
  }
}

/** Arguments of {@link Machine}. */
export type MachineArgs = Args<typeof machineInputs>;

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
export type ChannelObjectArgs = Args<typeof objectInputs>;

/** A small text in the channel that belongs to the program: an inventory entry, or which release to run. */
export class ChannelObject extends pulumi.CustomResource {
  constructor(name: string, args: ChannelObjectArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:channel:Object", name, { ...args }, opts);
  }
}

/** Arguments of {@link Pointer}. */
export type PointerArgs = Args<typeof pointerInputs>;

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
export type ChannelFileArgs = Args<typeof fileInputs>;

/** A file copied into the channel: a release. */
export class ChannelFile extends pulumi.CustomResource {
  constructor(name: string, args: ChannelFileArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:channel:File", name, { ...args }, opts);
  }
}

/** Arguments of {@link Password}. */
export type PasswordArgs = Args<typeof passwordInputs>;

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

/** A key that texts are sealed to: an age identity (X25519), made once. */
export class SealingKey extends pulumi.CustomResource {
  /** The private half, which opens them; secret. */
  declare public readonly identity: pulumi.Output<string>;
  /** The public half, which seals them. */
  declare public readonly recipient: pulumi.Output<string>;

  constructor(name: string, args: Readonly<Record<string, never>> = {}, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:secrets:SealingKey",
      name,
      { ...args, identity: undefined, recipient: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["identity"] }),
    );
  }
}

/** Arguments of {@link Sealed}. */
export type SealedArgs = Args<typeof sealedInputs>;

/** A text that the holder of a key alone can read. */
export class Sealed extends pulumi.CustomResource {
  /** An age file with armor. Others may have it. */
  declare public readonly sealed: pulumi.Output<string>;

  constructor(name: string, args: SealedArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "webinfra:secrets:Sealed",
      name,
      { ...args, text: pulumi.secret(args.text), sealed: undefined },
      pulumi.mergeOptions(opts, { additionalSecretOutputs: ["text"] }),
    );
  }
}

/** Arguments of {@link CertificateAuthority}. */
export type CertificateAuthorityArgs = Args<typeof authorityInputs>;

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
export type CertificateArgs = Args<typeof certificateInputs>;

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

/** Arguments of {@link Ready}. */
export type ReadyArgs = Args<typeof readyInputs>;

/** Exists once every machine was seen serving. It looks again when a machine or the release changes, or the site is down. */
export class Ready extends pulumi.CustomResource {
  /** When everything was last seen, in ISO 8601. */
  declare public readonly checkedAt: pulumi.Output<string>;
  /** Names of hosts whose machine was made from an older definition than it would be now: they hold data, and are replaced on purpose alone. */
  declare public readonly outdated: pulumi.Output<readonly string[]>;

  constructor(name: string, args: ReadyArgs, opts?: pulumi.CustomResourceOptions) {
    super("webinfra:index:Ready", name, { ...args, checkedAt: undefined, outdated: undefined }, opts);
  }
}

import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, definitionKey, definitionText, HostDefinition, secretsText, textIn } from "../cloudinit";
import { digest } from "../core/digest";
import { settingsKey, writeInventoryEntry } from "../core/protocol";
import { secretId, SecretTexts } from "../core/secret";
import { Platform } from "../platforms/contract";
import { Sealed, SealingKey } from "../provider/sdk";
import { describe } from "../roles";
import { sealedText, settingsText } from "../roles/settings";

/** Arguments of {@link Host}. */
export interface HostArgs {
  /** Name of the host, the roles placed on it, and what first boot has to know. */
  readonly definition: HostDefinition;
  readonly platform: Platform;
  readonly secrets: pulumi.Output<SecretTexts>;
  /** The pointer to the host package: a machine that finds an older one has programs that may not know what it is. */
  readonly hostPointer: pulumi.Resource;
  /** Refuse to delete or replace it while it holds data. */
  readonly protectData: boolean;
  /** Whether this run makes it anew on purpose. */
  readonly replacing: boolean;
  /** Whether its data volumes are made anew, too. */
  readonly discardData: boolean;
}

/** One host: its machine, its data volumes, its settings, and its entry in the inventory. */
export class Host extends pulumi.ComponentResource {
  /** The machine's id. */
  declare public readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  declare public readonly address: pulumi.Output<string>;
  /** Of its own, where it has one. */
  declare public readonly publicAddress: pulumi.Output<string> | undefined;
  /** The host's entry in the inventory, and its text. */
  declare public readonly entry: pulumi.Resource;
  declare public readonly entryText: pulumi.Output<string>;
  /** What of the host may change while it lives, and its text, which holds no secret in plain. */
  declare public readonly settings: pulumi.Resource;
  declare public readonly settingsText: pulumi.Output<string>;
  /** SHA-256 of the definition that its machine would be made from now. */
  declare public readonly definition: pulumi.Output<string>;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:Host", name, {}, opts);
    const { definition, platform, replacing, discardData } = args;
    const { host, traits } = definition;
    const { volumes, sealed } = describe(definition);
    const key = new SealingKey(`${name}-sealing-key`, {}, { parent: this });
    const secretPart: pulumi.Output<string | null> =
      sealed.length === 0
        ? pulumi.output(null)
        : new Sealed(
            `${name}-sealed`,
            {
              recipient: key.recipient,
              text: args.secrets.apply((texts) => sealedText(definition, (secret) => textIn(texts, secret))),
            },
            { parent: this },
          ).sealed;
    this.settingsText = secretPart.apply((text) => settingsText(host.name, definition, text));
    this.settings = platform.channelObject(
      `${name}-settings`,
      { key: settingsKey(host.name), content: this.settingsText },
      this,
    );
    const protect = volumes.length > 0 && args.protectData;
    const planned = platform.plan(name, { host, volumes, protect, replacing, discardData }, this);
    const rendered = pulumi.all([planned.place, args.secrets, key.identity]).apply(([place, site, identity]) => {
      const texts = { ...site, [secretId({ kind: "identity" })]: identity };
      const secretFiles = secretsText(definition, place, texts);
      // A host that gets other secrets is another machine, also where they do not come with user-data.
      const secrets = { texts, sha256: traits.secretsThrough === "channel" ? digest(secretFiles) : "" };
      const text = definitionText(definition, place, secrets);
      const sha256 = digest(text);
      const userData = cloudConfig(definition, place, secrets, sha256);
      return { secretFiles, text, sha256, key: definitionKey(host.name, sha256), userData };
    });
    // It holds no secret (definitionText).
    this.definition = pulumi.unsecret(rendered.sha256);
    const own = platform.channelObject(
      `${name}-definition`,
      {
        // It holds no secret (definitionText).
        key: pulumi.unsecret(rendered.key),
        content: pulumi.unsecret(rendered.text),
        // Named by what it holds, it is never overwritten. A machine may be made by an older one: one with data keeps its user-data until it is replaced,
        // and after an update that failed the way leads back.
        keep: true,
      },
      this,
    );
    const made = planned.boot({
      userData: rendered.userData,
      secretFiles: rendered.secretFiles,
      after: [own, this.settings],
    });
    this.machine = made.machine;
    this.address = made.address;
    this.publicAddress = made.publicAddress;
    this.entryText = pulumi.all([made.machine, made.address]).apply(([machine, address]) =>
      writeInventoryEntry({
        machine,
        name: host.name,
        roles: [...host.roles],
        address,
        standby: host.standby === true,
      }),
    );
    this.entry = platform.channelObject(
      `${name}-inventory`,
      { key: pulumi.interpolate`inventory/${made.machine}.json`, content: this.entryText },
      this,
    );
    this.registerOutputs({ machine: this.machine, address: this.address });
  }
}

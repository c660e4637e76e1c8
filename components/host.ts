import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, HostDefinition, secretFiles } from "../cloudinit";
import { writeInventoryEntry } from "../core/protocol";
import { SecretTexts } from "../core/secret";
import { Platform } from "../platforms/contract";
import { describe } from "../roles";
import { HostPlace } from "../services/contract";

/** Arguments of {@link Host}. */
export interface HostArgs {
  /** Name of the host, the roles placed on it, and what first boot has to know. */
  readonly definition: HostDefinition;
  readonly platform: Platform;
  readonly secrets: pulumi.Output<SecretTexts>;
  /** Refuse to delete or replace it while it holds data. */
  readonly protectData: boolean;
}

/** One host: its machine, its data volumes, and its entry in the inventory. */
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

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:Host", name, {}, opts);
    const { definition, platform } = args;
    const { host, traits } = definition;
    const { volumes } = describe(definition);
    const planned = platform.plan(name, { host, volumes, protect: volumes.length > 0 && args.protectData }, this);
    const secretText = (place: HostPlace, texts: SecretTexts): string =>
      JSON.stringify(secretFiles(definition, place, texts).map(({ path, content, mode }) => ({ path, content, mode })));
    const known = pulumi.all([planned.place, args.secrets]);
    const made = planned.boot({
      userData: known.apply(([place, texts]) => {
        // A host that gets other secrets is another machine, also where they do not come with user-data.
        const sha256 =
          traits.secretsThrough === "channel"
            ? createHash("sha256").update(secretText(place, texts)).digest("hex")
            : "";
        return cloudConfig(definition, place, { texts, sha256 });
      }),
      secretFiles: known.apply(([place, texts]) => secretText(place, texts)),
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

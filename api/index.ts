/**
 * The package, as a Pulumi program sees it.
 *
 * ```ts
 * import { WebInfrastructure } from "webinfra";
 *
 * export = () => new WebInfrastructure("site", { directory: __dirname }).outputs;
 * ```
 */
import * as pulumi from "@pulumi/pulumi";
import { type HostOutput, Infrastructure } from "../components/infrastructure";
import { type Environment, planSite, type SitePlan } from "../components/site";
import { shortDigest } from "../core/digest";
import { review, reviewSettings, severitiesOf } from "../review";

export type { HostOutput } from "../components/infrastructure";

/** What a site is told beside the stack's configuration. */
export interface WebInfrastructureArgs {
  /** The project's folder, absolute: `webinfra:app.directory` is relative to it. In a program: `__dirname`. */
  readonly directory: string;
  /** Variables of this run, such as a cloud's credentials. Default: the process's. */
  readonly environment?: Environment;
}

/** The outputs of a stack with a site. The commands read them: a program that has more returns these, too. A type alias, so that it is a record as well. */

export type SiteOutputs = {
  readonly platform: string;
  readonly topology: string;
  /** The name that users call, such as `www.foobar.com`. */
  readonly domain: string;
  /** Where the site was seen to serve. */
  readonly url: pulumi.Output<string>;
  /** The public addresses that it answers on. */
  readonly addresses: pulumi.Output<string[]>;
  /** Its hosts; of each definition's SHA-256 the start. */
  readonly hosts: pulumi.Output<HostOutput[]>;
  /** Names of hosts that were made from an older definition, and are replaced on purpose alone. */
  readonly outdated: pulumi.Output<readonly string[]>;
  /** Where its hosts fetch what they run. */
  readonly channel: pulumi.Output<string>;
  /** How many weaknesses of each severity it has. `webinfra review` says which. */
  readonly review: ReturnType<typeof severitiesOf>;
  /** What it costs a month; null where that is not known. */
  readonly cost: { readonly monthlyUsd: number | null } | null;
};

/**
 * A whole site, of the topology and on the platform that the stack's configuration says (`webinfra:…` in `Pulumi.<stack>.yaml`): a resource like any other,
 * beside which a program may have more.
 */
export class WebInfrastructure extends Infrastructure {
  private readonly plan: SitePlan;

  /**
   * @param name one site a stack: `site`
   * @throws RunError with all that is wrong with the configuration
   */
  constructor(
    name: string,
    { directory, environment = process.env }: WebInfrastructureArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    const plan = planSite(directory, environment);
    super(name, plan.args, opts);
    this.plan = plan;
  }

  /** What the program returns, for the commands and for people. */
  get outputs(): SiteOutputs {
    const { config, topology, cost } = this.plan;
    return {
      platform: config.platform,
      topology: config.topology,
      domain: config.domain,
      url: this.url,
      addresses: this.addresses,
      hosts: this.hosts.apply((hosts) =>
        hosts.map(({ definition, ...host }) => ({ ...host, definition: shortDigest(definition) })),
      ),
      outdated: this.outdated,
      channel: this.channel,
      // What a preview compares with. `webinfra review` says the rest: `pulumi stack output` has to fit a screen.
      review: severitiesOf(review(topology, reviewSettings(config, topology))),
      cost: cost === undefined ? null : { monthlyUsd: cost.monthlyUsd },
    };
  }
}

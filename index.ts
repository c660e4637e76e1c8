import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { packPrograms, packRelease } from "./components/archive";
import { hostsImage, WebInfrastructure } from "./components/web-infrastructure";
import { channelVariable, ownChannel, webinfraHome } from "./config/home";
import { loadConfig } from "./config/load";
import { replacementOf } from "./config/replacement";
import { Config } from "./config/schema";
import { ConfigError } from "./core/config-error";
import { platforms } from "./platforms";
import { estimate } from "./review/cost";
import { summarize } from "./review/summary";
import { place } from "./topology/place";
import { review, reviewSettings, severitiesOf } from "./review";

/** So much of a digest tells definitions apart. */
const DIGEST_START = 12;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws RunError when the platform's provider would find no credentials, which it says only once it makes something */
function checkCredentials(platform: Config["platform"], environment: Environment): void {
  const problems = platforms[platform].credentialProblems(environment);
  if (problems.length > 0) {
    throw new pulumi.RunError([`the platform ${platform} needs credentials:`, ...problems].join("\n  - "));
  }
}

/** Builds the site of the current stack and returns the stack's outputs. */
async function site(environment: Environment): Promise<Record<string, unknown>> {
  const { config, secrets } = loadConfig();
  const topology = place(config);
  const replacement = replacementOf(
    environment,
    topology.hosts.map(({ name }) => name),
  );
  checkCredentials(config.platform, environment);
  const stack = pulumi.getStack();
  const home = webinfraHome(environment);
  const channelDirectory = environment[channelVariable] ?? ownChannel(home, stack);
  const cost = estimate(topology, config);
  const cache = join(home, "cache");
  const [release, programs] = await Promise.all([
    packRelease(config.app.directory, __dirname, join(cache, "releases")),
    packPrograms(__dirname, join(cache, "packages")),
  ]);
  const makePlatform = await platforms[config.platform].load();
  const imageUserData = hostsImage(config, topology);
  const infrastructure = new WebInfrastructure("site", {
    config,
    topology,
    summary: summarize(stack, config, topology, cost?.monthlyUsd ?? null),
    platform: (parent) => makePlatform({ stack, channelDirectory, config, topology, imageUserData, parent }),
    release,
    programs,
    replacement,
    secrets,
  });
  return {
    platform: config.platform,
    topology: config.topology,
    domain: config.domain,
    url: infrastructure.url,
    addresses: infrastructure.addresses,
    hosts: infrastructure.hosts.apply((hosts) =>
      hosts.map(({ definition, ...host }) => ({ ...host, definition: definition.slice(0, DIGEST_START) })),
    ),
    outdated: infrastructure.outdated,
    channel: infrastructure.channel,
    // What a preview compares with. `webinfra review` says the rest: `pulumi stack output` has to fit a screen.
    review: severitiesOf(review(topology, reviewSettings(config, topology))),
    cost: cost === undefined ? null : { monthlyUsd: cost.monthlyUsd },
  };
}

/** @param environment variables of this run; default: the process's */
export = async (environment: Environment = process.env): Promise<Record<string, unknown>> => {
  try {
    return await site(environment);
  } catch (error) {
    // A mistake of the user: its words, without our stack trace.
    if (error instanceof ConfigError) {
      throw new pulumi.RunError(error.message);
    }
    throw error;
  }
};

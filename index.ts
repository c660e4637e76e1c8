import { existsSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { WebInfrastructure } from "./components/web-infrastructure";
import { awsPlatform } from "./components/platforms/aws";
import { awsCredentialProblems } from "./components/platforms/aws/credentials";
import { digitaloceanPlatform } from "./components/platforms/digitalocean";
import { digitaloceanCredentialProblems } from "./components/platforms/digitalocean/credentials";
import { incusPlatform } from "./components/platforms/incus";
import { Platform } from "./components/platform";
import { packKit, packRelease } from "./components/archive";
import { ConfigError } from "./config/errors";
import { webinfraHome } from "./config/home";
import { loadConfig } from "./config/load";
import { Config } from "./config/schema";
import { summarize } from "./config/summary";
import { estimate } from "./topology/cost";
import { place } from "./topology/place";
import { review, reviewSettings } from "./topology/review";

/** @throws RunError when the platform's provider would find no credentials, which it says only once it makes something */
function checkCredentials(platform: Config["platform"]): void {
  const problems = {
    incus: () => [],
    aws: () => awsCredentialProblems(process.env, existsSync),
    digitalocean: () => digitaloceanCredentialProblems(process.env),
  }[platform]();
  if (problems.length > 0) {
    throw new pulumi.RunError([`the platform ${platform} needs credentials:`, ...problems].join("\n  - "));
  }
}

/** Builds the site of the current stack and returns the stack's outputs. */
async function site(): Promise<Record<string, unknown>> {
  const { config, secrets } = loadConfig();
  const topology = place(config);
  checkCredentials(config.platform);
  const stack = pulumi.getStack();
  const home = webinfraHome(process.env);
  const cost = estimate(topology, config);
  const cache = join(home, "cache");
  const [release, kit] = await Promise.all([
    packRelease(config.app.directory, __dirname, join(cache, "releases")),
    packKit(__dirname, join(cache, "kits")),
  ]);
  const platforms: Readonly<Record<Config["platform"], (parent: pulumi.Resource) => Platform>> = {
    incus: (parent) => incusPlatform({ stack, home, cidr: config.network.cidr, parent }),
    aws: (parent) => awsPlatform({ stack, config, topology, parent }),
    digitalocean: (parent) => digitaloceanPlatform({ stack, config, topology, parent }),
  };
  const infrastructure = new WebInfrastructure("site", {
    config,
    topology,
    summary: summarize(stack, config, topology, cost?.monthlyUsd ?? null),
    platform: platforms[config.platform],
    release,
    kit,
    secrets,
  });
  return {
    platform: config.platform,
    topology: config.topology,
    domain: config.domain,
    url: infrastructure.url,
    addresses: infrastructure.addresses,
    hosts: infrastructure.hosts,
    channel: infrastructure.channel,
    review: review(topology, reviewSettings(config)),
    cost: cost ?? null,
  };
}

export = async (): Promise<Record<string, unknown>> => {
  try {
    return await site();
  } catch (error) {
    // A mistake of the user: its words, without our stack trace.
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
};

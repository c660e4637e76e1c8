import { existsSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { hostsImage, WebInfrastructure } from "./components/web-infrastructure";
import { awsCredentialProblems } from "./components/platforms/aws/credentials";
import { digitaloceanCredentialProblems } from "./components/platforms/digitalocean/credentials";
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
  type MakePlatform = (parent: pulumi.Resource) => Platform;
  // Each cloud's package is large: only the stack's own one is loaded.
  const platforms: Readonly<Record<Config["platform"], () => Promise<MakePlatform>>> = {
    incus: async () => {
      const { incusPlatform } = await import("./components/platforms/incus/index.js");
      const { bake, maxAgeDays } = config.image;
      const image = bake ? { userData: hostsImage(config, topology), maxAgeDays } : undefined;
      return (parent) => incusPlatform({ stack, home, cidr: config.network.cidr, image, parent });
    },
    aws: async () => {
      const { awsPlatform } = await import("./components/platforms/aws/index.js");
      return (parent) => awsPlatform({ stack, config, topology, parent });
    },
    digitalocean: async () => {
      const { digitaloceanPlatform } = await import("./components/platforms/digitalocean/index.js");
      return (parent) => digitaloceanPlatform({ stack, config, topology, parent });
    },
  };
  const platform = await platforms[config.platform]();
  const infrastructure = new WebInfrastructure("site", {
    config,
    topology,
    summary: summarize(stack, config, topology, cost?.monthlyUsd ?? null),
    platform,
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

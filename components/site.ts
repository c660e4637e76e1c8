/** What a site is made of, from the stack's configuration and what stands in the project's folder. Makes no resource. */
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { channelVariable, ownChannel, webinfraHome } from "../config/home";
import { loadConfig } from "../config/load";
import { replacementOf } from "../config/replacement";
import { Config } from "../config/schema";
import { ConfigError } from "../core/config-error";
import { platforms } from "../platforms";
import { type Cost, estimate } from "../review/cost";
import { summarize } from "../review/summary";
import { place } from "../topology/place";
import { Topology } from "../topology/types";
import { packPrograms, packRelease } from "./archive";
import { checkDiscard, checkHosts, hostsImage, type InfrastructureArgs } from "./infrastructure";

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A site before anything of it is made. */
export interface SitePlan {
  readonly config: Config;
  readonly topology: Topology;
  /** What it costs; undefined where that is not known. */
  readonly cost: Cost | undefined;
  readonly args: InfrastructureArgs;
}

/** This package: its hosts' programs are in it. */
const packageFolder = resolve(__dirname, "..");

/** @throws RunError when the platform's provider would find no credentials, which it says only once it makes something */
function checkCredentials(platform: Config["platform"], environment: Environment): void {
  const problems = platforms[platform].credentialProblems(environment);
  if (problems.length > 0) {
    throw new pulumi.RunError([`the platform ${platform} needs credentials:`, ...problems].join("\n  - "));
  }
}

function plan(directory: string, environment: Environment): SitePlan {
  const { config, secrets } = loadConfig();
  const topology = place(config);
  const replacement = replacementOf(
    environment,
    topology.hosts.map(({ name }) => name),
  );
  checkCredentials(config.platform, environment);
  checkHosts(config, topology);
  checkDiscard(config, topology, replacement);
  const stack = pulumi.getStack();
  const home = webinfraHome(environment);
  const channelDirectory = environment[channelVariable] ?? ownChannel(home, stack);
  const cost = estimate(topology, config);
  const cache = join(home, "cache");
  const release = packRelease(config.app.directory, directory, join(cache, "releases"));
  const programs = packPrograms(packageFolder, join(cache, "packages"));
  const makePlatform = platforms[config.platform].load();
  const imageUserData = hostsImage(config, topology);
  return {
    config,
    topology,
    cost,
    args: {
      config,
      topology,
      summary: summarize(stack, config, topology, cost?.monthlyUsd ?? null),
      platform: (parent) => makePlatform({ stack, channelDirectory, config, topology, imageUserData, parent }),
      release,
      programs,
      replacement,
      secrets,
    },
  };
}

/**
 * Plans the current stack's site.
 * @param directory the folder that `webinfra:app.directory` is relative to
 * @throws RunError with all that is wrong with the configuration, in the user's words and without our stack trace
 */
export function planSite(directory: string, environment: Environment): SitePlan {
  try {
    return plan(directory, environment);
  } catch (error) {
    if (error instanceof ConfigError) {
      throw new pulumi.RunError(error.message);
    }
    throw error;
  }
}

/** The whole site on AWS, without an account: what the engine would be asked. */
import { gunzipSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { awsPlatform } from "../../platforms/aws";
import { Infrastructure } from "../../components/infrastructure";
import { parseConfig } from "../../config/parse";
import type { Replacement } from "../../config/replacement";
import type { Config } from "../../config/schema";
import { summarize } from "../../review/summary";
import { place } from "../../topology/place";
import { rawOf } from "./hosts";
import { type Recorded, runProgram, type RunOptions } from "./program";

export type Settings = Readonly<Record<string, unknown>>;

/** A stack's configuration on AWS with defaults, some keys set otherwise. */
export const awsConfig = (settings: Settings = {}): Config => parseConfig(rawOf({ platform: "aws", ...settings }));

/** How {@link buildAws} runs. */
export interface AwsRunOptions extends Pick<RunOptions, "preview" | "recorded"> {
  /** Name of the stack. Default: `prod`. */
  readonly stack?: string;
  /** SHA-256 of the release. Default: 64 times `b`. */
  readonly release?: string;
  /** The host that the run makes anew. Default: none. */
  readonly replacement?: Replacement;
}

/** Runs the site's program for a stack; the hosts' programs and the application are archives that are not there. */
export function buildAws(
  settings: Settings = {},
  { stack = "prod", release = "b".repeat(64), replacement, ...options }: AwsRunOptions = {},
): Promise<readonly Recorded[]> {
  const config = awsConfig(settings);
  const topology = place(config);
  const archive = (folder: string, sha256: string) => ({ sha256, path: `/cache/${folder}/${sha256}.tar.gz` });
  return runProgram(
    () => {
      const site = new Infrastructure("site", {
        config,
        topology,
        summary: summarize(stack, config, topology, null),
        platform: (parent) =>
          awsPlatform({ stack, channelDirectory: "/nowhere", config, topology, imageUserData: "", parent }),
        release: archive("releases", release),
        programs: archive("packages", "a".repeat(64)),
        replacement,
        secrets: pulumi.secret((settings.secrets ?? {}) as Readonly<Record<string, string>>),
      });
      return Promise.resolve({ addresses: site.addresses, channel: site.channel });
    },
    { stack, ...options },
  );
}

/** All resources of a type, by its last part: `Instance`. */
export const ofType = (resources: readonly Recorded[], type: string): readonly Recorded[] =>
  resources.filter((one) => one.type.endsWith(`:${type}`));

/** One resource of a type. */
export function find(resources: readonly Recorded[], type: string, name: string): Recorded {
  const found = ofType(resources, type).find((one) => one.name === name);
  if (!found) {
    throw new Error(`no ${type} ${name}: ${resources.map((one) => `${one.type} ${one.name}`).join(", ")}`);
  }
  return found;
}

/** The `#cloud-config` that a machine boots with. */
export const userDataOf = ({ inputs }: Recorded): string =>
  gunzipSync(Buffer.from(String(inputs.userDataBase64), "base64")).toString();

/** A host's definition in the channel. */
export const definitionOf = (resources: readonly Recorded[], host: string): string =>
  String(find(resources, "BucketObjectv2", `${host}-definition`).inputs.content);

/**
 * The platforms, by name.
 *
 * A component is made at once, so what it is made of is loaded at once: by `require`, which the bundler follows.
 */
/* eslint-disable @typescript-eslint/no-require-imports */
import { existsSync } from "node:fs";
import { awsCredentialProblems } from "./aws/credentials";
import { awsTraits } from "./aws/traits";
import { Platform, PlatformArgs } from "./contract";
import { digitaloceanCredentialProblems } from "./digitalocean/credentials";
import { digitaloceanTraits } from "./digitalocean/traits";
import { incusTraits } from "./incus/traits";
import { PlatformName } from "./schema";
import { Traits } from "./traits";

interface PlatformModule {
  readonly traits: Traits;
  /** Why its provider would find no credentials, which it says only once it makes something; empty when it would. */
  readonly credentialProblems: (environment: Readonly<Record<string, string | undefined>>) => readonly string[];
  /** Each cloud's package is large: only the stack's own one is loaded. */
  readonly load: () => (args: PlatformArgs) => Platform;
}

export const platforms: Readonly<Record<PlatformName, PlatformModule>> = {
  incus: {
    traits: incusTraits,
    credentialProblems: () => [],
    load: () => {
      const { incusPlatform } = require("./incus") as typeof import("./incus");
      return incusPlatform;
    },
  },
  aws: {
    traits: awsTraits,
    credentialProblems: (environment) => awsCredentialProblems(environment, existsSync),
    load: () => {
      const { awsPlatform } = require("./aws") as typeof import("./aws");
      return awsPlatform;
    },
  },
  digitalocean: {
    traits: digitaloceanTraits,
    credentialProblems: digitaloceanCredentialProblems,
    load: () => {
      const { digitaloceanPlatform } = require("./digitalocean") as typeof import("./digitalocean");
      return digitaloceanPlatform;
    },
  },
};

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { PlatformSettings } from "../contract";
import { Topology } from "../../topology/types";

/** What every part of the platform works with. */
export interface AwsContext {
  readonly stack: string;
  readonly config: PlatformSettings;
  readonly topology: Topology;
  readonly provider: aws.Provider;
  readonly parent: pulumi.Resource;
}

/** Tags of one thing: those of the stack, a name for people, and its own. */
export const tagsOf = (
  { stack }: Pick<AwsContext, "stack">,
  name: string,
  own: Readonly<Record<string, string>> = {},
): Record<string, string> => ({ project: "webinfra", stack, Name: `webinfra-${stack}-${name}`, ...own });

/** The explicit provider, and the parent: the platform's own unless another is given. */
export const optionsOf = (
  { provider, parent }: AwsContext,
  owner: pulumi.Resource = parent,
): { readonly provider: aws.Provider; readonly parent: pulumi.Resource } => ({ provider, parent: owner });

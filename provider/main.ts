/** The provider's process: serves the gRPC interface until Pulumi ends it. */
import { info, warn } from "@pulumi/pulumi/log";
import { main } from "@pulumi/pulumi/provider";
import { DependencyResource } from "@pulumi/pulumi/resource";
import { resetOptions } from "@pulumi/pulumi/runtime/settings";
import { whenOrphaned } from "../core/parent";
import { WebinfraProvider } from "./provider";

const args = process.argv.slice(2);
const engine = args.filter((arg) => !arg.startsWith("-")).at(-1);
if (engine !== undefined) {
  resetOptions("", "", 0, engine, "", false, "");
}

const provider = new WebinfraProvider((urn, message, kind) => {
  const resource = engine === undefined ? undefined : new DependencyResource(urn);
  void (kind === "warning" ? warn(message, resource) : info(message, resource, 0, true));
});

whenOrphaned(() => void provider.cancel().finally(() => process.exit(1)));

void main(provider, args);

import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { Definition } from "../provider/sdk";

/** SHA-256 in lower-case hexadecimal. One-way: that of a text full of random secrets may be shown. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Has updates warn when they would make a host with data otherwise than its machine was made. */
export function watchDefinition(
  name: string,
  host: string,
  machine: pulumi.Output<string>,
  made: { readonly size: string; readonly userData: pulumi.Output<string> },
  parent: pulumi.Resource,
): void {
  const definition = pulumi.unsecret(made.userData.apply((userData) => digest(`${made.size}\n${userData}`)));
  new Definition(`${name}-definition`, { host, machine, definition }, { parent });
}

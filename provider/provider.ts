/** The provider of package `webinfra`: sends each call to the handler of its resource's type. */
import type {
  CheckResult,
  CreateResult,
  DiffResult,
  Provider,
  ReadResult,
  UpdateResult,
} from "@pulumi/pulumi/provider";
import { file } from "./channel/file";
import { object } from "./channel/object";
import { pointer } from "./channel/pointer";
import { imageResource } from "./incus/image";
import { machineResource } from "./incus/machine";
import { network } from "./incus/network";
import { volumeResource } from "./incus/volume";
import { machineLogs } from "./incus/logs";
import { readyResource } from "./ready/resource";
import type { Context, Resource } from "./resource";
import { retired } from "./retired";
import { certificate, certificateAuthority } from "./secrets/certificates";
import { password } from "./secrets/password";
import { sealed, sealingKey } from "./secrets/sealing";

/** Every resource by its type token. */
export const resources: ReadonlyMap<string, Resource> = new Map([
  ["webinfra:incus:Network", network],
  ["webinfra:incus:Volume", volumeResource()],
  ["webinfra:incus:Image", imageResource()],
  ["webinfra:incus:Machine", machineResource()],
  ["webinfra:channel:Object", object],
  ["webinfra:channel:Pointer", pointer],
  ["webinfra:channel:File", file],
  ["webinfra:secrets:Password", password],
  ["webinfra:secrets:SealingKey", sealingKey],
  ["webinfra:secrets:Sealed", sealed],
  ["webinfra:secrets:CertificateAuthority", certificateAuthority],
  ["webinfra:secrets:Certificate", certificate],
  ["webinfra:index:Definition", retired("webinfra:index:Definition")],
  ["webinfra:index:Ready", readyResource({ readLogs: machineLogs })],
]);

/** The type token in a URN `urn:pulumi:stack::project::parent$type::name`. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").pop() ?? "";
}

function resourceOf(urn: string): Resource {
  const type = typeOf(urn);
  const found = resources.get(type);
  if (found === undefined) {
    throw new Error(`provider webinfra has no resource type "${type}"; it has ${[...resources.keys()].join(", ")}`);
  }
  return found;
}

/** Shows a line beside the resource with this URN: a short-lived status, or a warning that stays. */
export type StatusSink = (urn: string, message: string, kind: "status" | "warning") => void;

/** Serves every resource type of the package. */
export class WebinfraProvider implements Provider {
  readonly version = "0.1.0";
  private readonly abort = new AbortController();

  constructor(private readonly statusSink: StatusSink = () => undefined) {}

  private context(urn: string): Context {
    return {
      signal: this.abort.signal,
      status: (message) => {
        this.statusSink(urn, message, "status");
      },
      warn: (message) => {
        this.statusSink(urn, message, "warning");
      },
    };
  }

  check(urn: string, olds: unknown, news: unknown): Promise<CheckResult> {
    return Promise.resolve(resourceOf(urn).check(olds, news));
  }

  diff(_id: string, urn: string, olds: unknown, news: unknown): Promise<DiffResult> {
    return resourceOf(urn).diff(olds, news, this.context(urn));
  }

  create(urn: string, inputs: unknown): Promise<CreateResult> {
    return resourceOf(urn).create(inputs, this.context(urn));
  }

  read(id: string, urn: string, props: unknown): Promise<ReadResult> {
    return resourceOf(urn).read(id, props, this.context(urn));
  }

  update(id: string, urn: string, olds: unknown, news: unknown): Promise<UpdateResult> {
    return resourceOf(urn).update(id, olds, news, this.context(urn));
  }

  delete(id: string, urn: string, props: unknown): Promise<void> {
    return resourceOf(urn).delete(id, props, this.context(urn));
  }

  /** Stops every wait at once; what was begun is kept in the state as half made. */
  cancel(): Promise<void> {
    this.abort.abort(new Error("cancelled"));
    return Promise.resolve();
  }
}

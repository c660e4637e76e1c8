/** What a program passes to a resource, derived from the schema that the provider reads it by. */
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";

/** A value of which every part may be known only later, as in the arguments of Pulumi's own resources. */
export type Deferred<T> = pulumi.Input<
  T extends readonly (infer Item)[]
    ? readonly Deferred<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Deferred<T[Key]> }
      : T
>;

/** The arguments of a resource with these inputs: the same keys, each with its doc comment. */
export type Args<Schema extends z.ZodType<object>> = {
  readonly [Key in keyof z.input<Schema>]: Deferred<z.input<Schema>[Key]>;
};

/** What the resources in Incus take. */
import { z } from "zod";
import { formatCidr, parseCidr } from "../../core/ipv4";

/** Inputs of `webinfra:incus:Network`. */
export const networkInputs = z.strictObject({
  /** Name of the bridge: `webinfra-` and at most 6 characters; `networkName(stack)` of provider/incus makes one. */
  name: z
    .string()
    .regex(
      /^webinfra-[a-z0-9-]{1,6}$/,
      'must be "webinfra-" and at most 6 letters, digits or dashes (Linux allows 15 characters)',
    ),
  /** The stack that it belongs to. */
  stack: z.string().min(1),
  /** IPv4 subnet, /16 to /28. Default: the first of 10.77.0.0/24 … 10.77.255.0/24 that nothing here uses. Cannot change. */
  cidr: z
    .string()
    .refine((cidr) => {
      const subnet = parseCidr(cidr);
      return subnet !== undefined && subnet.prefix >= 16 && subnet.prefix <= 28 && formatCidr(subnet) === cidr;
    }, "must be an IPv4 subnet of /16 to /28 with no host bits, for example 10.77.0.0/24")
    .optional(),
});

/** Inputs of `webinfra:incus:Volume`. */
export const volumeInputs = z.strictObject({
  /** Name of the volume; `volumeName(stack, host, volume)` of provider/incus makes one. */
  name: z
    .string()
    .regex(
      /^webinfra-[a-z0-9-]{1,54}$/,
      'must start with "webinfra-" and hold only a-z, 0-9 and -, at most 63 characters',
    ),
  /** The stack that it belongs to. A volume of this name and stack that exists is adopted, with its data. */
  stack: z.string().min(1),
  /** The host whose data it holds. */
  host: z.string().min(1),
  /** Size limit in GiB; needs a storage pool that can limit. Default: none. */
  sizeGiB: z.number().positive("must be above 0, in GiB").optional(),
  /** Begin with an empty one: a volume of this name and stack that exists when this one is made is deleted, with its data. Default: false. */
  discard: z.boolean().optional(),
});

/** What an image with packages is made from, and how old it may be for a new machine. */
export const imageRecipe = z.strictObject({
  /** Alias of the image that the throw-away machine boots. */
  base: z.string().min(1),
  /** Its cloud-init's user-data, which installs the packages; `imageConfig` of cloudinit/ renders it. Holds no secret. */
  userData: z.string().min(1),
  /** A new machine gets an image that is at most so old, in days. */
  maxAgeDays: z.number().positive("must be above 0, in days"),
});

/** Inputs of `webinfra:incus:Image`. */
export const imageInputs = z.strictObject({
  ...imageRecipe.shape,
  /** Name of the network that packages are fetched through. */
  network: z.string().min(1),
});

/** Inputs of `webinfra:incus:Machine`, but for its name, which the provider chooses. */
export const machineInputs = z.strictObject({
  /** Host name, such as web-1. */
  host: z
    .string()
    .regex(
      /^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$/,
      "must be a host name of a-z, 0-9 and -, at most 24 characters, such as web-1",
    ),
  /** The stack that it belongs to. */
  stack: z.string().min(1),
  /** Roles placed on the host; labels only. Changed in place. */
  roles: z.array(z.string().min(1)),
  /** Alias of the image to boot, or what that is made from. Changes reach new machines only. */
  image: z.union([z.string().min(1), imageRecipe], "must be an image's alias, or what one is made from"),
  /** Name of the network to attach. */
  network: z.string().min(1),
  /** cloud-init's user-data in plain text. Kept as a secret. */
  userData: z.string(),
  /** Directory of the channel on this computer; the machine sees it read-only at /var/lib/webinfra-channel. */
  channel: z.string().startsWith("/", "must be the absolute path of a directory"),
  /** The data volumes. Default: none. */
  volumes: z
    .array(
      z.strictObject({
        /** Name of the volume. */
        name: z.string().min(1),
        /** Where the machine mounts it. */
        path: z.string().startsWith("/", "must be an absolute path"),
      }),
    )
    .optional(),
  /** Longest wait for the start and an address, in seconds. Default: 120. */
  startTimeoutSeconds: z.number().positive("must be above 0, in seconds").optional(),
  /** Longest wait for an orderly stop before the machine is stopped by force and deleted, in seconds. Default: 30. */
  stopTimeoutSeconds: z.number().positive("must be above 0, in seconds").optional(),
});

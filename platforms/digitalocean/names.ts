import { stackSlug } from "../../provider/incus/labels";
import { RoleName, roleWords } from "../../topology/types";

/** What all of a stack's objects are called after: `webinfra-<stack>`. Names of volumes and buckets allow lower-case letters, digits and hyphens. */
export const stackName = (stack: string): string => `webinfra-${stackSlug(stack)}`;

/** Name of an object of the stack: `webinfra-<stack>-<what>`. */
export const nameOf = (stack: string, what: string): string => `${stackName(stack)}-${what}`;

/** On everything of every stack. */
export const projectTag = "webinfra";

/**
 * Firewalls go by tags, of the whole account: a colon, which neither a stack's nor a host's name can have, keeps a host that is called after a role, or
 * a stack called after a host of another, from slipping under another's firewall.
 */
export const roleTag = (stack: string, role: RoleName): string => `${stackName(stack)}-role:${roleWords[role]}`;
export const hostTag = (stack: string, host: string): string => `${stackName(stack)}-host:${host}`;

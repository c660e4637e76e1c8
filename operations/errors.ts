/** What operations throw when they cannot do what was asked: in words for the user, told apart by class. */
import { UserError } from "../core/errors";
import { localPlatform } from "./platforms";

/** The operation does not know the hosts of the stack's platform yet. */
export class UnsupportedPlatformError extends UserError {
  /** @param operation as the user calls it, such as `status` */
  constructor(operation: string, stack: string, platform: string) {
    super(
      `${operation} knows the hosts of platform ${localPlatform} only; the stack "${stack}" is on ${platform}: docs/platforms.md says what to do there`,
    );
  }
}

/** There is no such host, or it is not what the operation needs. */
export class HostError extends UserError {}

/** The channel has no primary pointer, or one that cannot be used. */
export class PointerError extends UserError {}

/** A promotion that was not begun: nothing was changed. */
export class PromotionRefusedError extends UserError {}

/** A promotion that was begun and not seen to succeed. */
export class PromotionFailedError extends UserError {}

/** There is no release to go back to: nothing was changed. */
export class RollbackRefusedError extends UserError {}

/** A release that was named and not seen to serve everywhere. */
export class ReleaseFailedError extends UserError {}

/** An application that was not started anew everywhere. */
export class RestartFailedError extends UserError {}

/** A host that is not made anew now: nothing was changed. */
export class ReplacementRefusedError extends UserError {}

/** What was to be deleted is not this stack's. */
export class OwnershipError extends UserError {}

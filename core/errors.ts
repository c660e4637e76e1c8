/** Errors that are no defect of the program. */

/** An error that the user can act on: told by its message alone, with no stack trace. */
export class UserError extends Error {
  /** @param message names the thing, its value, and what would be right or what to do next */
  constructor(message: string) {
    super(message);
    this.name = "UserError";
  }
}

/** `webinfra doctor`: what is wrong with this machine and the stack, and what to do about it. */
import type { CommandDescription, Invocation, StackChoice } from "../command";
import { exitCode } from "../errors";
import { jsonOption } from "../options";

export const doctorCommand: CommandDescription = {
  name: "doctor",
  description: `check this machine and the stack, and say what to do about what is wrong; exits with ${exitCode.notAsExpected} then`,
  stack: true,
  options: [jsonOption("print it as JSON")],
  examples: [
    ["webinfra doctor", "before the first `webinfra up`, and whenever something does not work"],
    ["webinfra doctor --json | jq '.checks[] | select(.state == \"problem\")'", "what is wrong, for a script"],
  ],
  async action({ context, exit }: Invocation, { stack, ...options }: StackChoice & { readonly json?: boolean }) {
    const { doctor } = await import("../doctor/index.js");
    exit(await doctor(await context(options.json === true), stack));
  },
};

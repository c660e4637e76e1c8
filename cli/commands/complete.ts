/** What a shell asks to complete a command line: names come from files on this machine, so that it is quick. */
import { Argument } from "commander";
import { type CommandDescription, defaultStack, type Invocation } from "../command";
import { complete, completeName, type Names } from "../completion";
import type { CommandContext } from "../context";
import { stackFacts, stateOnDisk } from "../engine/stack";
import { stacksWithFile } from "../engine/stackfile";
import { knownMachines, stacksInDirectory } from "../engine/state";

function orNone(look: () => readonly string[]): readonly string[] {
  try {
    return look();
  } catch {
    // Half a word is typed: no place for an error.
    return [];
  }
}

/** The stacks with a file or a state, and the hosts in a stack's state. */
export function namesOnDisk(context: CommandContext): Names {
  return {
    stacks: () =>
      orNone(() => {
        const { backend, project } = stackFacts(context, defaultStack);
        const stored = backend.directory === undefined ? [] : stacksInDirectory(backend.directory, project);
        return [...new Set([...stacksWithFile(context.root), ...stored])];
      }),
    hosts: (stack) =>
      orNone(() => [...new Set(knownMachines(stateOnDisk(stackFacts(context, stack))).map((machine) => machine.host))]),
  };
}

export const completeCommand: CommandDescription = {
  name: completeName,
  hidden: true,
  arguments: [new Argument("[words...]")],
  async action({ context: contextOf, program }: Invocation, words: readonly string[]) {
    const context = await contextOf(false);
    for (const candidate of complete(program, words, namesOnDisk(context))) {
      context.output.raw(candidate);
    }
  },
};

/** Completion of the command line in a shell: the shell asks `webinfra __complete`, which knows the commands. */
import type { Command, Option } from "commander";
import { defaultStack } from "./command";
import { topologies } from "./options";

/** The shells that there is a script for. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The command that the scripts call; not listed in the help. */
export const completeName = "__complete";

/** Names that can only be looked up; what fails gives none. */
export interface Names {
  stacks(): readonly string[];
  hosts(stack: string): readonly string[];
}

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of webinfra: source <(webinfra completion bash)
_webinfra() {
  local candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$candidate")
  done < <("\${COMP_WORDS[0]}" ${completeName} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _webinfra webinfra
`,
  zsh: `#compdef webinfra
# zsh completion of webinfra: source <(webinfra completion zsh), after compinit
_webinfra() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" ${completeName} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then
    compadd -a candidates
  else
    _files
  fi
}
compdef _webinfra webinfra
`,
  fish: `# fish completion of webinfra: webinfra completion fish | source
function __webinfra_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] ${completeName} -- $words[2..] 2>/dev/null
end
complete -c webinfra -f -a '(__webinfra_complete)'
complete -c webinfra -l config-file -r -F
`,
};

/** The script that teaches a shell to complete the command. */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}

function visible(program: Command): Command[] {
  return [...program.createHelp().visibleCommands(program)];
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function optionCalled(command: Command, word: string): Option | undefined {
  return command.options.find(({ short, long }) => word === short || word === long);
}

function valuesOf(option: Option, names: Names): readonly string[] {
  switch (option.long) {
    case "--stack":
      return names.stacks();
    case "--topology":
      return topologies();
    default:
      return option.argChoices ?? [];
  }
}

/** The words that are no options and no options' values, and the stack that `--stack` names. */
function readWords(
  command: Command,
  words: readonly string[],
): { readonly operands: string[]; readonly stack: string } {
  const operands: string[] = [];
  let stack = defaultStack;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const option = optionCalled(command, word);
    if (option !== undefined && takesValue(option)) {
      at += 1;
      stack = option.long === "--stack" ? (words[at] ?? stack) : stack;
    } else if (!word.startsWith("-")) {
      operands.push(word);
    }
  }
  return { operands, stack };
}

function ofCommand(command: Command, before: readonly string[], current: string, names: Names): readonly string[] {
  if (before.includes("--")) {
    return [];
  }
  const at = before.findIndex((word) => command.commands.some((one) => one.name() === word));
  const inner = command.commands.find((one) => one.name() === before[at]);
  if (inner !== undefined) {
    return ofCommand(inner, before.slice(at + 1), current, names);
  }
  const previous = optionCalled(command, before.at(-1) ?? "");
  if (previous !== undefined && takesValue(previous)) {
    return valuesOf(previous, names);
  }
  if (current.startsWith("-")) {
    const free = command.options.filter(
      (option) => !before.some((word) => optionCalled(command, word) === option && !Array.isArray(option.defaultValue)),
    );
    return [...free.flatMap(({ long }) => long ?? []), "--help"];
  }
  if (command.commands.length > 0 && before.length === 0) {
    return command.commands.map((one) => one.name());
  }
  const { operands, stack } = readWords(command, before);
  const given = command.registeredArguments;
  const argument = given[operands.length] ?? given.findLast(({ variadic }) => variadic);
  switch (argument?.name()) {
    case "stack":
      return names.stacks();
    case "host":
    case "hosts":
      return names.hosts(stack);
    default:
      return argument?.argChoices ?? [];
  }
}

/**
 * What the last word may become.
 * @param words those after `webinfra`, up to the one that is being typed (which may be empty)
 */
export function complete(program: Command, words: readonly string[], names: Names): string[] {
  const current = words.at(-1) ?? "";
  const [name, ...before] = words.slice(0, -1);
  const command = visible(program).find((one) => one.name() === name);
  const candidates =
    name === undefined
      ? current.startsWith("-")
        ? ["--help"]
        : visible(program).map((one) => one.name())
      : command === undefined
        ? []
        : ofCommand(command, before, current, names);
  return [...candidates].filter((candidate) => candidate.startsWith(current)).sort();
}

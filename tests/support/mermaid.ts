/** The part of Mermaid's flowchart grammar that webinfra writes, read strictly: anything else is a problem. */

const id = "[A-Za-z][A-Za-z0-9_]*";
/** A string in quotes: no quote, no bracket, no markup but a line break. */
const text = '"(?:[^"<>]|<br/>)+"';
const shapes = [`\\[${text}\\]`, `\\(\\[${text}\\]\\)`, `\\[\\(${text}\\)\\]`, `\\[/${text}/\\]`, "\\(\\( \\)\\)"];
const node = new RegExp(`^(${id})(?:${shapes.join("|")})$`);
const subgraph = new RegExp(`^subgraph (${id})\\[${text}\\]$`);
const arrow = new RegExp(`^(${id}) (?:---|(?:-->|-\\.->)(?:\\|${text}\\|)?) (${id})$`);
/** Words that Mermaid reads as its own where an identifier would stand. */
const reserved = new Set(["end", "graph", "flowchart", "subgraph", "style", "click", "class", "classDef", "linkStyle"]);

/** Why a diagram is not sound, one line a reason; empty when it is. */
export function mermaidProblems(diagram: string): string[] {
  const problems: string[] = [];
  const [head, ...lines] = diagram.trimEnd().split("\n");
  if (head !== "flowchart TB") {
    problems.push(`the first line is ${String(head)}`);
  }
  const defined = new Map<string, string | undefined>();
  let box: string | undefined;
  const define = (name: string, parent: string | undefined) => {
    if (defined.has(name)) {
      problems.push(`${name} is defined twice`);
    }
    if (reserved.has(name)) {
      problems.push(`${name} is a word of Mermaid's own`);
    }
    defined.set(name, parent);
  };
  for (const line of lines.map((one) => one.trim())) {
    const [, opened] = subgraph.exec(line) ?? [];
    const [, made] = node.exec(line) ?? [];
    const [, from, to] = arrow.exec(line) ?? [];
    if (opened !== undefined) {
      if (box !== undefined) {
        problems.push(`${opened} begins inside ${box}`);
      }
      define(opened, undefined);
      box = opened;
    } else if (line === "end") {
      if (box === undefined) {
        problems.push("an end without a subgraph");
      }
      box = undefined;
    } else if (from !== undefined && to !== undefined) {
      for (const end of [from, to]) {
        if (!defined.has(end)) {
          problems.push(`${end} is used before it is defined`);
        }
      }
      // Mermaid cannot draw an arrow from a node to the box that it is in.
      if (defined.get(from) === to || defined.get(to) === from) {
        problems.push(`${line}: a box and its own content`);
      }
    } else if (made !== undefined) {
      define(made, box);
    } else {
      problems.push(`not understood: ${line}`);
    }
  }
  if (box !== undefined) {
    problems.push(`${box} has no end`);
  }
  return problems;
}

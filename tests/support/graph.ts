/** The resource graph of a stack as text that can be compared and read. */
import { mask, type Recorded } from "./program";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** What stands for the image's user-data, which has a golden file of its own: a part of what an image and a machine are made from. */
const shortRecipe = (inputs: Readonly<Record<string, unknown>>): object => ({
  ...inputs,
  ...("userData" in inputs && { userData: "<user-data of the image>" }),
});

/** A machine as readiness expects it, without the hash of its definition, which has golden files of its own. */
const withoutHash = (machine: unknown): unknown =>
  isRecord(machine) && "definition" in machine
    ? { ...machine, definition: `<definition of ${String(machine.name)}>` }
    : machine;

/** What stands in a golden graph for one resource; options only where they are set. */
function line({ type, name, parent, inputs, ...options }: Recorded): Record<string, unknown> {
  const { protect, retainOnDelete, deleteBeforeReplace, ignoreChanges, replaceOnChanges } = options;
  const shown = (key: string): string => (key === "userData" ? `<user-data of ${String(inputs.host)}>` : "[secret]");
  return {
    type,
    name,
    parent,
    inputs: mask(
      // User-data and its hash: it has golden files of its own.
      {
        ...(type === "webinfra:incus:Image" ? shortRecipe(inputs) : inputs),
        ...(isRecord(inputs.image) && { image: shortRecipe(inputs.image) }),
        ...(Array.isArray(inputs.machines) && { machines: inputs.machines.map(withoutHash) }),
        ...("userDataBase64" in inputs && { userDataBase64: `<user-data of ${name}>` }),
        // So have the files of hosts, and their hash.
        ...(name.endsWith("-definition") && "key" in inputs && { key: "<hash>", content: "<files>" }),
      },
      shown,
    ),
    ...(protect && { protect }),
    ...(retainOnDelete && { retainOnDelete }),
    ...(deleteBeforeReplace && { deleteBeforeReplace }),
    ...(ignoreChanges.length > 0 && { ignoreChanges }),
    ...(replaceOnChanges.length > 0 && { replaceOnChanges }),
  };
}

/** An object with its keys in order, all the way down. */
const sorted = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
};

/** Every resource with its inputs, sorted; secrets are shown as such only. `home` is the WEBINFRA_HOME of the run. */
export function graphText(resources: readonly Recorded[], home: string): string {
  const lines = resources.map(line).map((one) => ({ key: `${String(one.type)} ${String(one.name)}`, one }));
  lines.sort((a, b) => (a.key < b.key ? -1 : 1));
  let graph = `${JSON.stringify(
    lines.map(({ one }) => sorted(one)),
    null,
    2,
  )}\n`;
  // What changes with every edit of a program, or with the machine, is no part of the picture.
  for (const { name, inputs } of resources) {
    if (typeof inputs.sha256 === "string") {
      graph = graph.replaceAll(inputs.sha256, `<sha256 of ${name}>`);
    }
  }
  return graph.replaceAll(home, "/home/user/.webinfra");
}

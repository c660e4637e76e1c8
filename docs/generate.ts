/** Writes the files that are generated from the configuration's schema and from the presets: `npm run docs`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format, resolveConfig } from "prettier";
import { configurationMarkdown, stackFileSchema } from "../config/reference";
import { configSchema } from "../config/schema";
import { presetNames } from "../topology/schema";
import { place } from "../topology/place";
import { review, reviewMarkdown, reviewSettings } from "../review";

/** The review of a preset with the defaults. */
function presetReview(topology: (typeof presetNames)[number]): string {
  const config = configSchema.parse({ platform: "incus", topology });
  return reviewMarkdown(review(place(config), reviewSettings(config, place(config))));
}

/** The generated files' texts by their path in the repository. */
export async function generated(root: string): Promise<Readonly<Record<string, string>>> {
  const texts = {
    "docs/configuration.md": configurationMarkdown(),
    "schema/stack.schema.json": JSON.stringify(stackFileSchema()),
    ...Object.fromEntries(presetNames.map((name) => [`docs/reviews/${name}.md`, presetReview(name)])),
  };
  const entries = Object.entries(texts).map(async ([path, text]) => {
    const options = await resolveConfig(join(root, path));
    return [path, await format(text, { ...options, filepath: path })] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function main(): Promise<void> {
  const root = join(__dirname, "..");
  for (const [path, text] of Object.entries(await generated(root))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

if (require.main === module) {
  void main();
}

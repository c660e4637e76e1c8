// Starts the command `webinfra`.
const { BundleError, load } = require("./bundle.cjs");

load("command").then(
  ({ main }) => main(),
  (error) => {
    if (!(error instanceof BundleError)) throw error;
    process.stderr.write(`webinfra: ${error.message}\n`);
    process.exitCode = 1;
  },
);

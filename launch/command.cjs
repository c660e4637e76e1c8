// Starts the command `webinfra`.
const { LaunchError, load } = require("./bundle.cjs");

load("command").then(
  ({ main }) => main(),
  (error) => {
    if (!(error instanceof LaunchError)) throw error;
    process.stderr.write(`webinfra: ${error.message}\n`);
    process.exitCode = 1;
  },
);

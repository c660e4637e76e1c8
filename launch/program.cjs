// What plain `pulumi` runs: the site's program.
const { LaunchError, load } = require("./bundle.cjs");

module.exports = async () => {
  const program = await load("program").catch((error) => {
    if (!(error instanceof LaunchError)) throw error;
    // Pulumi shows its words alone.
    const { RunError } = require("@pulumi/pulumi");
    throw new RunError(error.message);
  });
  return program();
};

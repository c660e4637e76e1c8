// What plain `pulumi` runs: the site's program.
const { load } = require("./bundle.cjs");

module.exports = async () => (await load("program"))();

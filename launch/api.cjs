// What a project's program imports.
const { loadNow } = require("./bundle.cjs");

module.exports = loadNow("api");

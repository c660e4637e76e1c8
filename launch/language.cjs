// Starts the language host.
const { load } = require("./bundle.cjs");

void load("language");

// Starts the provider.
const { load } = require("./bundle.cjs");

void load("provider");

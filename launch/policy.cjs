// Starts the policy pack.
const { load } = require("./bundle.cjs");

void load("policy");

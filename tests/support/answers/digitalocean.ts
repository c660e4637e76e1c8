/** What the DigitalOcean provider answers, with fixed values that follow from names alone. */
import type { Answers, Calls } from "../program";

export const digitaloceanAnswers: Answers = {};

export const digitaloceanCalls: Calls = {};

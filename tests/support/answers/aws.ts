/** What the AWS provider answers, with fixed values that follow from names alone. */
import type { Answers, Calls } from "../program";

export const awsAnswers: Answers = {};

export const awsCalls: Calls = {};

/** Upper bounds of the buckets of histograms. Infinity is always the last and never listed. */

/** Seconds, as the GenAI conventions advise. */
export const generationSeconds: readonly number[] = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/** Tokens, as the GenAI conventions advise. */
export const tokenCounts: readonly number[] = [
  1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
  67_108_864,
];

/** Seconds, as the RPC conventions advise, and further on: an answer may be written for ten minutes. */
export const callSeconds: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 320,
  640,
];

/** Seconds: plans take tens of microseconds, answers minutes. */
export const partSeconds: readonly number[] = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];

/** Seconds, as the messaging conventions advise. */
export const messageSeconds: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Seconds, as the Node.js conventions advise. */
export const collectionSeconds: readonly number[] = [0.01, 0.1, 1, 10];

import { z } from "zod";

export const NANO_PER_USD = 1_000_000_000;

const FRACTION_DIGITS = 9;

/**
 * Up to six digits before the point and nine after it, so that every price is a whole number of
 * nano-USD below 2^53.
 */
const DECIMAL_USD = /^\d{1,6}(\.\d{1,9})?$/;

const WANTED =
  'must be decimal US dollars in quotes, such as "0.15", at most 999999 with at most 9 decimals';

/**
 * Money as people write it: the text `0.15`, since YAML would read a bare 0.15 as a binary fraction.
 * Becomes nano-USD, exactly.
 */
export const usd = z
  .string({ error: ({ input }) => (input === undefined ? undefined : WANTED) })
  .regex(DECIMAL_USD, WANTED)
  .transform((decimal) => {
    const [whole, fraction = ""] = decimal.split(".");
    return Number(whole) * NANO_PER_USD + Number(fraction.padEnd(FRACTION_DIGITS, "0"));
  });

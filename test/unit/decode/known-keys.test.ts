import { describe, expect, test } from "vitest";
import { z } from "zod";
import { knownKeysIn } from "../../../src/decode/known-keys.ts";

const account = z.strictObject({ key: z.string(), url: z.string().optional() });
const schema = z.strictObject({
  listen: z.strictObject({ port: z.number() }).prefault({ port: 1 }),
  accounts: z.record(z.string(), account).default({}),
  price: account.nullish(),
  steps: z.array(account),
  free: z.record(z.string(), z.unknown()),
});

describe("knownKeysIn()", () => {
  test.each([
    { path: [], keys: ["listen", "accounts", "price", "steps", "free"] },
    { path: ["listen"], keys: ["port"] },
    { path: ["accounts", "any"], keys: ["key", "url"] },
    { path: ["price"], keys: ["key", "url"] },
    { path: ["steps", 3], keys: ["key", "url"] },
    { path: ["free", "a/b"], keys: [] },
    { path: ["listen", "port", 0], keys: [] },
    { path: ["nowhere", "at", "all"], keys: [] },
  ])("knows $keys at $path", ({ path, keys }) => {
    expect(knownKeysIn(schema, path)).toEqual(keys);
  });
});

import { expect, test } from "vitest";
import { createAttributeKeys } from "../../../src/telemetry/encode-attributes.ts";

/** What is written with them is compared with OpenTelemetry's in `encode-span.test.ts`. */

test("a key is encoded once, and a thousand of them are remembered", () => {
  const keys = createAttributeKeys();
  const names = Array.from({ length: 1_001 }, (_, index) => `key-${index}`);
  const encoded = names.map(keys);
  const isRemembered = names.map((name, index) => keys(name) === encoded[index]);
  expect(isRemembered.lastIndexOf(true)).toBe(999);
  expect(isRemembered.indexOf(false)).toBe(1_000);
});

test("a key stands with its length, and with the tag of the value that follows", () => {
  const text = "gen_ai.request.model";
  const expected = Buffer.from([0x0a, text.length, ...Buffer.from(text), 0x12]);
  expect(createAttributeKeys()(text)).toEqual(expected);
});

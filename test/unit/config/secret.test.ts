import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createSecret, isSecret } from "../../../src/config/secret.ts";

const secret = createSecret("sk-canary");

describe("createSecret()", () => {
  test("gives the value to whoever asks for it by name", () => {
    expect(secret.reveal()).toBe("sk-canary");
  });

  test.each([
    { how: "text", shown: () => `${secret}` },
    { how: "JSON", shown: () => JSON.stringify({ secret }) },
    { how: "inspection", shown: () => inspect({ secret }, { depth: 9, showHidden: true }) },
    { how: "spreading", shown: () => inspect({ ...secret }, { showHidden: true }) },
    { how: "its own keys", shown: () => Object.values(secret).join() },
  ])("does not show it as $how", ({ shown }) => {
    expect(shown()).not.toContain("canary");
  });

  test("says that something is hidden", () => {
    expect([`${secret}`, JSON.stringify(secret), inspect(secret)]).toEqual([
      "[secret]",
      '"[secret]"',
      "[secret]",
    ]);
  });

  test("cannot be changed", () => {
    expect(Object.isFrozen(secret)).toBe(true);
  });
});

describe("isSecret()", () => {
  test.each([
    { value: secret, is: true },
    { value: {}, is: false },
    { value: "sk-canary", is: false },
    { value: null, is: false },
  ])("is $is for $value", ({ value, is }) => {
    expect(isSecret(value)).toBe(is);
  });
});

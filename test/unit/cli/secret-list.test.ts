import { expect, test } from "vitest";
import { createSecretList } from "../../../src/cli/secret-list.ts";

test("keeps what was replaced beside what is in use", () => {
  const secrets = createSecretList();
  secrets.use(["old-key", "same-key"]);
  secrets.use(["new-key", "same-key"]);
  expect([...secrets.all()].sort()).toEqual(["new-key", "old-key", "same-key"]);
});

test("hands out the same array until something is used", () => {
  const secrets = createSecretList();
  secrets.use(["key"]);
  const before = secrets.all();
  expect(secrets.all()).toBe(before);
  secrets.use(["other"]);
  expect(secrets.all()).not.toBe(before);
});

test("forgets the oldest of more than a thousand replaced ones, and never one in use", () => {
  const secrets = createSecretList();
  for (let round = 0; round <= 1_001; round++) {
    secrets.use(["kept", `key-${round}`]);
  }
  expect(secrets.all()).toHaveLength(1_002);
  expect(secrets.all()).toContain("kept");
  expect(secrets.all()).toContain("key-1");
  expect(secrets.all()).not.toContain("key-0");
});

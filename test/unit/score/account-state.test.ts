import { describe, expect, test } from "vitest";
import { createAccountState } from "../../../src/score/account-state.ts";

const MINUTE_MS = 60_000;

describe("createAccountState()", () => {
  test("works before anything is known", () => {
    const account = createAccountState();
    account.start(0);
    expect(account.blockedUntilMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test("asks again an hour after a refused key", () => {
    const account = createAccountState();
    account.disable("credentials", 0);
    expect(account.blockedUntilMs).toBe(60 * MINUTE_MS);
  });

  test("is not brought back sooner by used-up credit when the key was refused", () => {
    const account = createAccountState();
    account.disable("credentials", 0);
    account.disable("quota-exhausted", 0);
    expect(account.blockedUntilMs).toBe(60 * MINUTE_MS);
  });

  test("lets one call test used-up credit every ten minutes", () => {
    const account = createAccountState();
    account.disable("quota-exhausted", 0);
    expect(account.blockedUntilMs).toBe(10 * MINUTE_MS);
    account.start(10 * MINUTE_MS);
    expect(account.blockedUntilMs).toBe(11 * MINUTE_MS);
    account.disable("quota-exhausted", 10 * MINUTE_MS + 500);
    expect(account.blockedUntilMs).toBe(20 * MINUTE_MS + 500);
  });

  test("works again once something succeeded", () => {
    const account = createAccountState();
    account.disable("credentials", 0);
    account.enable();
    account.start(1);
    expect(account.blockedUntilMs).toBe(Number.NEGATIVE_INFINITY);
  });
});

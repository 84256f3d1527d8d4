import { describe, expect, test } from "vitest";
import { RouterError } from "../../../src/domain/router-error.ts";

describe("RouterError", () => {
  test("carries its code, its message and no details unless it is given some", () => {
    const error = new RouterError("shutting-down", "the router is stopping");
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "RouterError",
      code: "shutting-down",
      message: "the router is stopping",
      details: {},
      cause: undefined,
    });
  });

  test("carries what caused it, for logs", () => {
    const cause = new TypeError("x");
    const details = { retryAfterMs: 500, cause };
    const error = new RouterError("internal", "an internal error", details);
    expect(error.details).toBe(details);
    expect(error.cause).toBe(cause);
  });
});

import { describe, expect, test } from "vitest";
import { isServerFault, serverFaults } from "../../../src/domain/rpc-status.ts";

describe("isServerFault()", () => {
  test.each(serverFaults)("%s is the server's", (status) => {
    expect(isServerFault(status)).toBe(true);
  });

  test.each(["OK", "CANCELLED", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "no code"])(
    "%s is not the server's",
    (status) => {
      expect(isServerFault(status)).toBe(false);
    },
  );
});

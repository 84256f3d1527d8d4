import { describe, expect, it } from "vitest";
import { classifyError } from "../../../src/upstream/classify-error.ts";

const coded = (code: string) => Object.assign(new Error("at secret.example"), { code });

describe("classifyError()", () => {
  it.each([
    ["UND_ERR_CONNECT_TIMEOUT", false, "connect-timeout"],
    ["ETIMEDOUT", false, "connect-timeout"],
    ["ETIMEDOUT", true, "network"],
    ["ECONNREFUSED", false, "network"],
    ["ENOTFOUND", false, "network"],
    ["CERT_HAS_EXPIRED", false, "network"],
    ["ECONNRESET", true, "network"],
    ["UND_ERR_SOCKET", true, "network"],
    ["UND_ERR_DESTROYED", false, "network"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", true, "network"],
    ["UND_ERR_HEADERS_TIMEOUT", true, "first-token-timeout"],
    ["UND_ERR_BODY_TIMEOUT", true, "idle-timeout"],
    ["UND_ERR_ABORTED", true, "canceled"],
    ["UND_ERR_INVALID_ARG", false, "server-error"],
    ["ERR_INVALID_URL", false, "server-error"],
    ["HPE_INVALID_CHUNK_SIZE", true, "malformed-response"],
    ["UND_ERR_HEADERS_OVERFLOW", true, "malformed-response"],
  ])("calls %s (sent: %s) %s", (code, sent, kind) => {
    const failure = classifyError(coded(code), { sent });
    expect(failure).toMatchObject({ kind, sent });
    expect(failure.message).toContain(code);
    expect(failure.message).not.toContain("secret.example");
  });

  it.each([[new Error("x")], [null], ["text"], [{ code: 3 }], [{ code: "lower case" }]])(
    "calls %s a defect",
    (error) => {
      expect(classifyError(error, { sent: true }).kind).toBe("malformed-response");
    },
  );
});

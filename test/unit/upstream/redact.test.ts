import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedaction, secretsOf } from "../../../src/upstream/redact.ts";

const KEY = "canary/key+42";

function redactionOf(key: string | undefined, headers: Readonly<Record<string, string>> = {}) {
  return createRedaction(secretsOf(key, headers));
}

describe("createRedaction()", () => {
  it.each([
    ["the key", KEY],
    ["the key in a URL", encodeURIComponent(KEY)],
    ["the key in base64", Buffer.from(KEY).toString("base64")],
    ["a token of a header", "entra-token-1"],
    ["a key by its looks", "sk-proj-abcDEF123456"],
    ["a masked key", "sk-abc***xyz"],
    ["a bearer", "Bearer abc.def"],
    ["a key by its name", "api_key=hunter2hunter2"],
    ["a web token", "eyJhbGciOiJI.eyJzdWIi.sig"],
    ["Google's key", "AIzaSyA1234567890abc"],
  ])("masks %s", (_, secret) => {
    const redaction = redactionOf(KEY, { authorization: "Bearer entra-token-1" });
    const shown = redaction.message(`Before ${secret} after`);
    expect(shown).toContain("[redacted]");
    expect(shown).not.toContain(secret);
    expect(shown.startsWith("Before ") && shown.endsWith(" after")).toBe(true);
  });

  it("drops the queries of URLs", () => {
    expect(redactionOf(KEY).message("at https://a.example/v1?api-version=1&x=2, sorry")).toBe(
      "at https://a.example/v1 sorry",
    );
  });

  it("makes one line of at most 500 characters", () => {
    const shown = redactionOf(KEY).message(`a\r\n\u0000b${"c".repeat(900)}`);
    expect(shown.startsWith("a bc")).toBe(true);
    expect(shown).toHaveLength(500);
  });

  it("leaves nothing of the key wherever the text is cut", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 520 }),
        fc.integer({ min: 6, max: 3_000 }),
        fc.nat({ max: 12_000 }),
        (before, length, after) => {
          const key = "k".repeat(length);
          const text = `${"-".repeat(before)}${key}${"-".repeat(after)}${key}`;
          expect(redactionOf(key).message(text)).not.toContain("kk");
        },
      ),
      { seed: 7 },
    );
  });

  it("leaves nothing of a secret that begins like another", () => {
    const redaction = redactionOf("abcdef", { authorization: "abcdefghijkl" });
    expect(redaction.message("abcdefghijkl")).toBe("[redacted]");
  });

  it("leaves ordinary words alone", () => {
    const text = "Invalid value: 'skip-this'. Use basic authentication tokens of 3 words.";
    expect(redactionOf("abc").message("an abc")).toBe("an abc");
    expect(redactionOf(KEY).message(text.replace("basic", "the"))).toBe(
      text.replace("basic", "the"),
    );
  });

  it.each([
    ["gpt-4o-mini", "gpt-4o-mini"],
    ["pplx-70b-online", "pplx-70b-online"],
    ["", undefined],
    ["a\nb", undefined],
    ["x".repeat(201), undefined],
    [`req-${KEY}`, undefined],
    [7, undefined],
  ])("takes %j for the name %j", (value, name) => {
    expect(redactionOf(KEY).name(value)).toBe(name);
  });
});

describe("secretsOf()", () => {
  it("knows the key and the headers that hold keys, and no short words", () => {
    const secrets = secretsOf("abc", {
      "x-api-key": "secret-1",
      "anthropic-version": "2023-06-01",
    });
    expect(secrets).toContain("secret-1");
    expect(secrets).not.toContain("abc");
    expect(secrets).not.toContain("2023-06-01");
  });

  it("is empty without any", () => {
    expect(secretsOf(undefined, {})).toEqual([]);
  });
});

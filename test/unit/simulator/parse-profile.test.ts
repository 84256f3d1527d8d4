import { describe, expect, test } from "vitest";
import { describeProblems, parseProfile } from "../../../src/simulator/parse-profile.ts";
import { defaultProfile } from "../../../src/simulator/profile.ts";

function problemsOf(patch: unknown): unknown {
  return { ...parseProfile(defaultProfile, patch), kind: undefined };
}

describe("parseProfile()", () => {
  test("merges groups key by key and leaves the rest", () => {
    expect(parseProfile(defaultProfile, { rateLimited: { rate: 0.5 }, timeScale: 0 })).toEqual({
      kind: "valid",
      profile: {
        ...defaultProfile,
        timeScale: 0,
        rateLimited: { ...defaultProfile.rateLimited, rate: 0.5 },
      },
    });
  });

  test("accepts the defaults themselves, so that every field has a rule", () => {
    expect(parseProfile(defaultProfile, defaultProfile)).toEqual({
      kind: "valid",
      profile: defaultProfile,
    });
  });

  test("takes null where a header can be left out", () => {
    expect(parseProfile(defaultProfile, { rateLimited: { retryAfterSeconds: null } }).kind).toBe(
      "valid",
    );
  });

  test("reports every problem with its path", () => {
    const patch = {
      timeScale: -1,
      promptCache: "yes",
      serverError: { rate: 2, status: 404 },
      quirks: { crlf: 1, colour: true },
      firstTokenMs: 5,
      tokensPerChunk: 1.5,
      speed: 1,
    };
    expect(problemsOf(patch)).toMatchObject({
      problems: [
        { path: "timeScale", message: "must be a number from 0 to 1000" },
        { path: "promptCache", message: "must be true or false" },
        { path: "serverError.rate" },
        { path: "serverError.status" },
        { path: "quirks.crlf" },
        { path: "quirks.colour", message: "is unknown" },
        { path: "firstTokenMs", message: "must be an object" },
        { path: "tokensPerChunk", message: "must be a whole number from 1 to 1000" },
        { path: "speed", message: "is unknown" },
      ],
    });
  });

  test("sees quantiles cross although the patch names only one", () => {
    expect(problemsOf({ firstTokenMs: { p50: 5_000 } })).toMatchObject({
      problems: [{ path: "firstTokenMs.p95", message: "must be at least p50 5000" }],
    });
  });

  test.each([null, undefined, [], "x", Number.NaN])("refuses %s as a whole", (patch) => {
    expect(problemsOf(patch)).toMatchObject({ problems: [{ path: "" }] });
  });

  test("refuses NaN and infinity as numbers", () => {
    expect(parseProfile(defaultProfile, { timeScale: Number.NaN }).kind).toBe("invalid");
    expect(parseProfile(defaultProfile, { timeScale: Infinity }).kind).toBe("invalid");
  });
});

describe("describeProblems()", () => {
  test("names each path", () => {
    expect(
      describeProblems([
        { path: "a.b", message: "is unknown" },
        { path: "", message: "no" },
      ]),
    ).toBe("a.b: is unknown; profile: no");
  });
});

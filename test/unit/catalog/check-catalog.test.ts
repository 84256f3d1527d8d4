import { describe, expect, test } from "vitest";
import { checkCatalog } from "../../../src/catalog/check-catalog.ts";
import { least, leastWith, mergedOf, problemsOfMerge } from "./catalog-fixtures.ts";

const model = (changes: object) => problemsOfMerge(leastWith("models", { ...changes }));
const endpoint = (changes: object) => problemsOfMerge(leastWith("endpoints", { ...changes }));

describe("checkCatalog()", () => {
  test("finds nothing wrong with the least that is complete", () => {
    const none = {
      providers: new Set<string>(),
      models: new Set<string>(),
      endpoints: new Set<string>(),
    };
    const gaps = { broken: none, complete: true };
    expect(checkCatalog(mergedOf(least), { gaps, place: () => "" })).toEqual([]);
  });

  test("reports an alias that is an id or another alias, in any case", () => {
    const models = {
      "acme/one": { ...least.models["acme/one"], aliases: ["Same", "ACME/two"] },
      "acme/two": { ...least.models["acme/one"], aliases: ["same", "own", "own"] },
    };
    expect(problemsOfMerge({ ...least, models })).toEqual([
      { path: 'models["acme/one"].aliases[1]', message: "already names acme/two" },
      { path: 'models["acme/two"].aliases[0]', message: "already names acme/one" },
      { path: 'models["acme/two"].aliases[2]', message: "already names acme/two" },
    ]);
  });

  test.each([
    {
      name: "an unknown line",
      changes: { estimate: { line: "acme mini", generation: "1" } },
      path: 'models["acme/one"].estimate.line',
      message: /^must be one of openai mini, /,
    },
    {
      name: "an unknown generation",
      changes: { estimate: { line: "openai mini", generation: "0" } },
      path: 'models["acme/one"].estimate.generation',
      message: /^must be one of 4o, 4\.1$/,
    },
    {
      name: "open weights without their format",
      changes: { nativeQuantization: null },
      path: 'models["acme/one"].nativeQuantization',
      message: /^is required for open weights$/,
    },
    {
      name: "open weights in an unknown format",
      changes: { nativeQuantization: "unknown" },
      path: 'models["acme/one"].nativeQuantization',
      message: /^must be the format the weights were released in$/,
    },
    {
      name: "open weights in an undisclosed format",
      changes: { nativeQuantization: "undisclosed" },
      path: 'models["acme/one"].nativeQuantization',
      message: /^must be the format the weights were released in$/,
    },
    {
      name: "closed weights in a known format",
      changes: { openWeights: false },
      path: 'models["acme/one"].nativeQuantization',
      message: /^must be unknown for closed weights$/,
    },
    {
      name: "more output than context",
      changes: { maxOutputTokens: 1001 },
      path: 'models["acme/one"].maxOutputTokens',
      message: /^must be at most contextLength 1000$/,
    },
    {
      name: "an end before the beginning",
      changes: { releaseDate: "2026-01-02", deprecationDate: "2026-01-01" },
      path: 'models["acme/one"].deprecationDate',
      message: /^must not be before releaseDate 2026-01-02$/,
    },
  ])("reports a model with $name", ({ changes, path, message }) => {
    expect(model(changes)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  test.each([
    { changes: { estimate: { line: "openai mini", generation: "4o" } } },
    { changes: { openWeights: false, nativeQuantization: "unknown" } },
    { changes: { openWeights: false, nativeQuantization: null } },
    { changes: { maxOutputTokens: 1000, releaseDate: "2026-01-02" } },
    { changes: { deprecationDate: "2026-01-02" } },
  ])("takes a model with $changes", ({ changes }) => {
    expect(model(changes)).toEqual([]);
  });

  test.each([
    {
      field: "model",
      changes: { model: "acme/none" },
      message: "no model is called acme/none; did you mean acme/one?",
    },
    { field: "provider", changes: { provider: "none" }, message: "no provider is called none" },
    { field: "account", changes: { account: "eu" }, message: "acme has no account eu" },
    {
      field: "quantization",
      changes: { quantization: "unknown" },
      message: "must be undisclosed when a provider of open weights does not say",
    },
    {
      field: "maxOutputTokens",
      changes: { maxOutputTokens: 1001 },
      message: "must be at most contextLength 1000",
    },
    {
      field: "maxOutputTokens",
      changes: { maxOutputTokens: 11, contextLength: 10 },
      message: "must be at most contextLength 10",
    },
  ])("reports an endpoint with $changes", ({ field, changes, message }) => {
    expect(endpoint(changes)).toEqual([{ path: `endpoints["acme/one"].${field}`, message }]);
  });

  test("does not judge the output of an endpoint whose context nobody knows", () => {
    expect(endpoint({ model: "acme/none", maxOutputTokens: 5000 })).toHaveLength(1);
  });

  test("takes an account that its provider has", () => {
    const providers = { acme: { dialect: "openai-chat", accounts: { eu: {} } } };
    expect(problemsOfMerge({ ...leastWith("endpoints", { account: "eu" }), providers })).toEqual(
      [],
    );
  });
});

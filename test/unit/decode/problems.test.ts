import { describe, expect, test } from "vitest";
import { z } from "zod";
import { formatPath, problemsOf, segmentsOf, unknownName } from "../../../src/decode/problems.ts";
import { check } from "../../../src/decode/wording.ts";

describe("formatPath()", () => {
  test.each([
    { segments: [], path: "" },
    { segments: ["listen", "grpc", "tls"], path: "listen.grpc.tls" },
    { segments: ["catalog", "files", 2], path: "catalog.files[2]" },
    { segments: ["a b", "c"], path: '["a b"].c' },
  ])("writes $path", ({ segments, path }) => {
    expect(formatPath(segments)).toBe(path);
  });
});

describe("problemsOf() below a place in a file", () => {
  const schema = z.strictObject({ needed: z.string(), list: z.array(z.number()).optional() });
  const problems = (value: unknown) =>
    problemsOf(check(schema, value).error?.issues ?? [], { at: ["top", "a/b"] });

  test("puts the place before every path", () => {
    expect(problems({ list: [1, "x"] })).toEqual([
      { path: 'top["a/b"].needed', message: "is required" },
      {
        path: 'top["a/b"].list[1]',
        message: "must be a number",
      },
    ]);
  });

  test("reports each unknown key by itself", () => {
    expect(problems({ needed: "", one: 1, two: 2 })).toEqual([
      { path: 'top["a/b"].one', message: "is not a known key" },
      { path: 'top["a/b"].two', message: "is not a known key" },
    ]);
  });

  test("asks for known keys by the path below that place", () => {
    const asked: unknown[] = [];
    const issues = schema.safeParse({ needed: "", one: 1 }).error?.issues ?? [];
    problemsOf(issues, {
      at: ["top"],
      keysAt: (path) => {
        asked.push(path);
        return [];
      },
    });
    expect(asked).toEqual([[]]);
  });
});

describe("problemsOf()", () => {
  const schema = z.strictObject({
    port: z.number(),
    host: z.string().optional(),
    headers: z.record(z.string().regex(/^[a-z]+$/, "must be lower case"), z.string()).optional(),
  });
  const problems = (value: unknown, keys: readonly string[] = ["port", "host", "headers"]) =>
    problemsOf(check(schema, value).error?.issues ?? [], { keysAt: () => keys });

  test("says that a missing key is required", () => {
    expect(problems({})).toEqual([{ path: "port", message: "is required" }]);
  });

  test("says what is wrong with a name the operator chose", () => {
    expect(problems({ port: 1, headers: { A: "" } })).toEqual([
      { path: "headers.A", message: "is not a possible key: must be lower case" },
    ]);
  });

  test.each([
    { key: "prot", suggested: "; did you mean port?" },
    { key: "Hosts", suggested: "; did you mean host?" },
    { key: "header", suggested: "; did you mean headers?" },
    { key: "completely", suggested: "" },
    { key: "x", suggested: "" },
  ])("suggests for $key what it may have meant", ({ key, suggested }) => {
    expect(problems({ port: 1, [key]: 1 })).toEqual([
      { path: key, message: `is not a known key${suggested}` },
    ]);
  });

  test("suggests the closest of several", () => {
    expect(problems({ port: 1, hostss: 1 }, ["host", "hosts", "ports"])[0]?.message).toBe(
      "is not a known key; did you mean hosts?",
    );
  });

  test("suggests nothing for an empty key or where nothing is known", () => {
    expect(problems({ port: 1, "": 1 }, [""])[0]?.message).toContain("is not a known key");
    expect(problems({ port: 1, prot: 1 }, [])[0]?.message).toBe("is not a known key");
  });
});

describe("segmentsOf()", () => {
  test("keeps indexes numbers", () => {
    const issues = z.array(z.object({ a: z.string() })).safeParse([{}]).error?.issues ?? [];
    expect(issues.map(segmentsOf)).toEqual([[0, "a"]]);
  });
});

describe("problemsOf() for a value that is wrong in two ways", () => {
  test("tells once what reads alike", () => {
    const wanted = "must be small";
    const schema = z.strictObject({
      a: z.string().regex(/^a/, wanted).max(1, wanted).min(9, "must be long"),
    });
    expect(problemsOf(check(schema, { a: "bbb" }).error?.issues ?? [])).toEqual([
      { path: "a", message: "must be small" },
      { path: "a", message: "must be long" },
    ]);
  });
});

describe("unknownName()", () => {
  test("suggests a name that is close, and none that is not", () => {
    const known = { names: ["openai/gpt-4o", "openai/gpt-4.1"], complete: true };
    expect(unknownName("model", "openai/gpt4o", known)).toBe(
      "no model is called openai/gpt4o; did you mean openai/gpt-4o?",
    );
    expect(unknownName("model", "acme/one", known)).toBe("no model is called acme/one");
    expect(unknownName("model", "openai/gpt-4", { ...known, complete: false })).toBe(
      "no model is called openai/gpt-4 in what can be read; did you mean openai/gpt-4o?",
    );
  });
});

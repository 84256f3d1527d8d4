import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { retype, substituteEnv } from "../../../src/config/substitute-env.ts";

const env = { KEY: "k-1", EMPTY: "", UNSET: undefined };
// Written apart, so that it does not look like a template.
const ref = (inside: string) => `$\{${inside}}`;

describe("substituteEnv()", () => {
  test.each([
    { text: "plain", value: "plain" },
    { text: ref("KEY"), value: "k-1" },
    { text: `a-${ref("KEY")}-${ref("KEY")}`, value: "a-k-1-k-1" },
    { text: ref("EMPTY"), value: "" },
    { text: ref("UNSET:-other"), value: "other" },
    { text: ref("EMPTY:-other"), value: "other" },
    { text: ref("KEY:-other"), value: "k-1" },
    { text: ref("UNSET:-"), value: "" },
    { text: ref("UNSET:-a:-b\nc"), value: "a:-b\nc" },
    { text: `$${ref("KEY")}`, value: ref("KEY") },
    { text: "$KEY $ {KEY}", value: "$KEY $ {KEY}" },
  ])("reads $text", ({ text, value }) => {
    expect(substituteEnv(text, env)).toMatchObject({ value, problems: [] });
  });

  test("reaches into lists and mappings and leaves keys alone", () => {
    const value = { [ref("KEY")]: [{ a: ref("KEY") }, 7, null, true] };
    expect(substituteEnv(value, env).value).toEqual({
      [ref("KEY")]: [{ a: "k-1" }, 7, null, true],
    });
  });

  test("does not change the value it is given", () => {
    const value = { a: [ref("KEY")] };
    substituteEnv(value, env);
    expect(value).toEqual({ a: [ref("KEY")] });
  });

  test("reports every variable that is not set, with its path", () => {
    const value = { a: [`${ref("NOPE")}${ref("UNSET")}`], b: ref("constructor") };
    expect(substituteEnv(value, env).problems).toEqual([
      { path: "a[0]", message: "environment variable NOPE is not set" },
      { path: "a[0]", message: "environment variable UNSET is not set" },
      { path: "b", message: "environment variable constructor is not set" },
    ]);
  });

  test.each(["", "1A", "A-B", "A:=b"])("cannot read a reference to %j", (inside) => {
    expect(substituteEnv(ref(inside), env).problems).toEqual([
      { path: "", message: "holds a reference that is neither a name nor name:-default" },
    ]);
  });

  test("names the paths of references", () => {
    const value = { a: ref("KEY"), b: "x", c: [`$${ref("KEY")}`] };
    expect([...substituteEnv(value, env).substituted]).toEqual(["a"]);
  });

  test("does not read references out of values", () => {
    expect(substituteEnv(ref("A"), { A: ref("B"), B: "b" }).value).toBe(ref("B"));
  });

  test("keeps every value without a dollar as it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes("$"));
        expect(substituteEnv(value, {}).value).toEqual(value);
      }),
      { seed: 11 },
    );
  });
});

describe("retype()", () => {
  test("reads numbers and flags at the paths it is given, and nowhere else", () => {
    const value = { a: "1", b: ["-2.5", "true", "false", "1e3", ""], c: "1" };
    const paths = new Set(["a", "b[0]", "b[1]", "b[2]", "b[3]", "b[4]"]);
    expect(retype(value, paths)).toEqual({
      a: 1,
      b: [-2.5, true, false, "1e3", ""],
      c: "1",
    });
  });
});

import { describe, expect, it } from "vitest";
import { createRequestMembers } from "../../../src/upstream/request-members.ts";
import { UnencodableRequest } from "../../../src/upstream/unencodable-request.ts";

describe("createRequestMembers()", () => {
  it("adds extensions, which never replace what is set or reserved", () => {
    const members = createRequestMembers(new Set(["provider_extensions"]));
    members.set("temperature", 1);
    members.setText("tools", "[1]");
    const body = members.encode({
      temperature: 2,
      tools: [],
      model: "other",
      messages: [],
      system: "other",
      stream: true,
      stream_options: {},
      top_a: 0.5,
    });
    expect(body).toBe('{"temperature":1,"tools":[1],"top_a":0.5}');
  });

  it("takes __proto__ for a name", () => {
    const members = createRequestMembers(new Set(["provider_extensions"]));
    const body = members.encode(JSON.parse('{"__proto__":{"model":"x"}}'));
    expect(body).toBe('{"__proto__":{"model":"x"}}');
    expect(({} as { model?: unknown }).model).toBeUndefined();
  });

  it.each([
    ["first", { 'a"b': 1, 'a\\"b': 2 }],
    ["last", { 'a\\"b': 2, 'a"b': 1 }],
  ])("sends extensions whose names differ by an escape, the plain one %s", (_, extensions) => {
    const members = createRequestMembers(new Set(["provider_extensions"]));
    expect(JSON.parse(members.encode(extensions))).toEqual({ 'a"b': 1, 'a\\"b': 2 });
  });

  const circle: Record<string, unknown> = {};
  circle["a"] = circle;

  it.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a big integer", 1n],
    ["a circle", circle],
  ])("refuses an extension that is %s, and does not quote it", (_, value) => {
    const members = createRequestMembers(new Set(["provider_extensions"]));
    expect(() => members.encode({ first: 1, secret: value })).toThrow(
      new UnencodableRequest("spec.provider_extensions holds a value that is not JSON."),
    );
  });

  it("sets nothing for undefined", () => {
    const members = createRequestMembers(new Set(["top_p"]));
    members.set("a", undefined);
    members.setIf("top_p", "b", undefined);
    expect(members.encode(undefined)).toBe("{}");
  });

  it("sets what the endpoint takes", () => {
    const members = createRequestMembers(new Set(["top_p"]));
    members.setIf("top_p", "a", 1);
    members.setIf("top_k", "b", 1);
    expect([members.encode({ c: 1 }), members.takes("top_k")]).toEqual(['{"a":1}', false]);
  });
});

import { describe, expect, it } from "vitest";
import { anthropicMessages } from "../../../src/upstream/anthropic/dialect.ts";
import type { Connection } from "../../../src/upstream/connection.ts";
import { openaiChat } from "../../../src/upstream/openai/dialect.ts";
import { targetOf } from "../../../src/upstream/target.ts";
import { exampleEndpoint } from "../../support/examples.ts";

function target(connection: Partial<Connection>, providerId = "acme", adapter = openaiChat) {
  const full = { baseUrl: "https://api.example/v1", apiKey: "key-123", ...connection };
  return targetOf(full, exampleEndpoint(`${providerId}/one`), adapter);
}

function headersOf(flat: readonly string[]) {
  const pairs = flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []));
  return Object.fromEntries(pairs);
}

describe("targetOf()", () => {
  it.each([
    ["https://api.example/v1", "https://api.example", "/v1/chat/completions"],
    ["https://api.example/v1/", "https://api.example", "/v1/chat/completions"],
    ["http://127.0.0.1:8000", "http://127.0.0.1:8000", "/chat/completions"],
    [
      "https://r.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
      "https://r.openai.azure.com",
      "/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ],
  ])("of %s has origin and path", (baseUrl, origin, path) => {
    expect(target({ baseUrl })).toMatchObject({ origin, path });
  });

  it("sends the key as the dialect does", () => {
    expect(headersOf(target({}).streamHeaders)).toMatchObject({
      authorization: "Bearer key-123",
      accept: "text/event-stream",
      "accept-encoding": "identity",
    });
    const anthropic = target({}, "anthropic", anthropicMessages);
    expect(headersOf(anthropic.wholeHeaders)).toMatchObject({
      "x-api-key": "key-123",
      "anthropic-version": "2023-06-01",
      accept: "application/json",
    });
  });

  it("sends the key as Azure and the connection want it", () => {
    expect(headersOf(target({}, "azure").streamHeaders)).toMatchObject({ "api-key": "key-123" });
    expect(headersOf(target({ auth: "x-api-key" }).streamHeaders)).toMatchObject({
      "x-api-key": "key-123",
    });
    expect(headersOf(target({ auth: "bearer" }, "azure").streamHeaders)).toMatchObject({
      authorization: "Bearer key-123",
    });
  });

  it("sends no key without one", () => {
    const names = Object.keys(headersOf(target({ apiKey: undefined }).streamHeaders));
    expect(names).not.toContain("authorization");
  });

  it("lets the connection replace headers in any case", () => {
    const { streamHeaders } = target({ headers: { "User-Agent": "me", "X-Extra": "1" } });
    expect(headersOf(streamHeaders)).toMatchObject({ "user-agent": "me", "x-extra": "1" });
  });

  it.each([
    ["openai", {}, "openai"],
    ["azure", {}, "openai"],
    ["acme", {}, "compatible"],
    ["openai", { flavor: "compatible" }, "compatible"],
    ["acme", { flavor: "openai" }, "openai"],
  ] as const)("speaks to %s with %j as %s", (providerId, connection, flavor) => {
    expect(target(connection, providerId).flavor).toBe(flavor);
  });

  it.each(["no url", "ftp://a.example", ""])("refuses the base URL %j", (baseUrl) => {
    expect(() => target({ baseUrl })).toThrow(TypeError);
  });
});

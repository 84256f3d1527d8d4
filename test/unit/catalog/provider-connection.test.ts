import { describe, expect, test } from "vitest";
import { accountKey, connectionsOf } from "../../../src/catalog/provider-connection.ts";
import { mergedOf } from "./catalog-fixtures.ts";

const connections = (provider: object) =>
  connectionsOf(mergedOf({ providers: { acme: provider } }).providers);

describe("accountKey()", () => {
  test("is the provider's id, followed by the name of an account", () => {
    expect([accountKey("azure", undefined), accountKey("azure", "eu")]).toEqual([
      "azure",
      "azure/eu",
    ]);
  });
});

describe("connectionsOf()", () => {
  test("gives a provider's own account", () => {
    const provider = {
      dialect: "openai-chat",
      baseUrl: "https://acme.example/v1",
      apiKeyEnv: "ACME_KEY",
      maxTokensField: "max_completion_tokens",
    };
    expect([...connections(provider)]).toEqual([
      [
        "acme",
        {
          account: "acme",
          provider: "acme",
          dialect: "openai-chat",
          baseUrl: "https://acme.example/v1",
          baseUrlEnv: undefined,
          apiKeyEnv: "ACME_KEY",
          auth: "bearer",
          maxTokensField: "max_completion_tokens",
        },
      ],
    ]);
  });

  test.each([
    { dialect: "openai-chat", auth: undefined, header: "bearer" },
    { dialect: "anthropic-messages", auth: undefined, header: "x-api-key" },
    { dialect: "anthropic-messages", auth: "none", header: "none" },
  ])("sends the key of $dialect as $header", ({ dialect, auth, header }) => {
    expect(connections({ dialect, auth }).get("acme")?.auth).toBe(header);
  });

  test("gives named accounts what they do not say themselves", () => {
    const provider = { dialect: "openai-chat", baseUrl: "https://a.example", apiKeyEnv: "A_KEY" };
    const accounts = { same: {}, own: { apiKeyEnv: "B_KEY", baseUrlEnv: "B_URL" } };
    const all = connections({ ...provider, accounts });
    expect(all.get("acme/same")).toMatchObject({
      account: "acme/same",
      provider: "acme",
      baseUrl: "https://a.example",
      apiKeyEnv: "A_KEY",
    });
    expect(all.get("acme/own")).toMatchObject({
      baseUrl: undefined,
      baseUrlEnv: "B_URL",
      apiKeyEnv: "B_KEY",
    });
  });

  test("does not mix an account's address with its provider's variable", () => {
    const accounts = { eu: { baseUrl: "https://eu.example" } };
    const all = connections({ dialect: "openai-chat", baseUrlEnv: "A_URL", accounts });
    expect(all.get("acme/eu")).toMatchObject({
      baseUrl: "https://eu.example",
      baseUrlEnv: undefined,
    });
  });
});

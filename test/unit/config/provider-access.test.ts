import { describe, expect, test } from "vitest";
import { configSchema } from "../../../src/config/config-schema.ts";
import { type CataloguedAccount, providerAccess } from "../../../src/config/provider-access.ts";

const acme: CataloguedAccount = {
  account: "acme",
  provider: "acme",
  baseUrl: "https://acme.example/v1",
  baseUrlEnv: undefined,
  apiKeyEnv: "ACME_KEY",
  auth: "bearer",
};
const eu = { ...acme, account: "acme/eu", baseUrl: undefined, baseUrlEnv: "ACME_EU_URL" };
const keyed = { ACME_KEY: "from-env" };

type Given = {
  readonly config?: unknown;
  readonly env?: Readonly<Record<string, string | undefined>>;
};

function accessTo(catalogued: CataloguedAccount, { config = {}, env = {} }: Given) {
  const access = providerAccess(catalogued, configSchema.parse(config), env);
  return { ...access, apiKey: access.apiKey?.reveal() };
}

describe("providerAccess()", () => {
  test("picks the key up from the variable the catalogue names", () => {
    expect(accessTo(acme, { env: keyed })).toEqual({
      apiKey: "from-env",
      baseUrl: "https://acme.example/v1",
      headers: {},
      enabled: true,
      simulated: false,
      missing: [],
    });
  });

  test("prefers the configuration to environment and catalogue", () => {
    const providers = { acme: { apiKey: "from-file", baseUrl: "http://10.0.0.1" } };
    expect(accessTo(acme, { config: { providers }, env: keyed })).toMatchObject({
      apiKey: "from-file",
      baseUrl: "http://10.0.0.1",
    });
  });

  test.each([{}, { ACME_KEY: "" }, { ACME_KEY: undefined }])("has no key in %j", (env) => {
    expect(accessTo(acme, { env })).toMatchObject({ apiKey: undefined, missing: ["api key"] });
  });

  test.each([
    { mode: "auto", env: keyed, simulated: false, enabled: true },
    { mode: "auto", env: {}, simulated: true, enabled: true },
    { mode: "off", env: keyed, simulated: false, enabled: true },
    { mode: "off", env: {}, simulated: false, enabled: false },
    { mode: "all", env: keyed, simulated: true, enabled: true },
  ])("in mode $mode with $env: simulated $simulated", ({ mode, env, ...expected }) => {
    expect(accessTo(acme, { config: { simulator: { mode } }, env })).toMatchObject(expected);
  });

  test("needs no key where the API asks for none", () => {
    const open = { ...acme, apiKeyEnv: undefined, auth: "none" };
    expect(accessTo(open, {})).toMatchObject({ simulated: false, enabled: true, missing: [] });
  });

  test("says everything that is missing", () => {
    expect(accessTo(eu, {}).missing).toEqual(["api key", "base URL"]);
  });

  test("has no address where neither catalogue nor configuration knows one", () => {
    expect(accessTo({ ...acme, baseUrl: undefined }, { env: keyed }).missing).toEqual(["base URL"]);
  });

  test("is switched off by the configuration, simulated or not", () => {
    const config = { providers: { acme: { enabled: false } } };
    expect(accessTo(acme, { config }).enabled).toBe(false);
    expect(accessTo(acme, { config, env: keyed }).enabled).toBe(false);
  });

  test("gives a named account its provider's key and headers, and never its address", () => {
    const accounts = { eu: { headers: { "x-a": "eu" } } };
    const headers = { "x-a": "all", "x-b": "all" };
    const provider = { apiKey: "k", baseUrl: "https://wrong.example", headers, accounts };
    const access = accessTo(eu, {
      config: { providers: { acme: provider } },
      env: { ACME_EU_URL: "https://eu.example/v1/" },
    });
    expect(access).toMatchObject({ apiKey: "k", baseUrl: "https://eu.example/v1" });
    expect(access.headers["x-a"]?.reveal()).toBe("eu");
    expect(access.headers["x-b"]?.reveal()).toBe("all");
  });

  test("lets a named account have a key and an address of its own", () => {
    const accounts = { eu: { apiKey: "k-eu", baseUrl: "https://own.example" } };
    const config = { providers: { acme: { apiKey: "k", accounts } } };
    expect(accessTo(eu, { config, env: { ACME_EU_URL: "https://eu.example" } })).toMatchObject({
      apiKey: "k-eu",
      baseUrl: "https://own.example",
    });
  });

  test("takes an empty address for none", () => {
    expect(accessTo(eu, { env: { ...keyed, ACME_EU_URL: "/" } }).missing).toEqual(["base URL"]);
  });

  test("finds nothing under the names of an object's own machinery", () => {
    const odd = { ...acme, account: "constructor", provider: "constructor" };
    expect(accessTo({ ...odd, apiKeyEnv: "toString" }, {})).toMatchObject({
      apiKey: undefined,
      enabled: true,
    });
  });
});

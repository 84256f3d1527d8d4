import { describe, expect, it } from "vitest";
import { busSecrets, fleetProblems, withFleetOptions } from "../../../src/cli/fleet-options.ts";
import type { Config } from "../../../src/config/config.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";

function configOf(text = ""): Config {
  const parsed = parseConfig(text, {});
  return (parsed as Extract<typeof parsed, { ok: true }>).config;
}

const secured = configOf(
  "{ role: scorer, bus: { nats: { servers: [old], user: u, password: hunter22, replicas: 3 } } }",
);

describe("withFleetOptions()", () => {
  it("leaves to the configuration what the command line does not say", () => {
    expect(withFleetOptions(secured, { role: undefined, nats: undefined })).toEqual(secured);
  });

  it("makes a bus of addresses alone", () => {
    const config = withFleetOptions(configOf(), { role: "router", nats: ["nats://a", "nats://b"] });
    expect(config.role).toBe("router");
    expect(config.bus).toEqual({
      nats: { servers: ["nats://a", "nats://b"], replicas: 1, reportBytes: 1_610_612_736 },
    });
  });

  it("replaces the addresses and keeps how to log in", () => {
    const { nats } = withFleetOptions(secured, { role: undefined, nats: ["new"] }).bus;
    expect(nats).toMatchObject({ servers: ["new"], user: "u", replicas: 3 });
    expect(nats?.password?.reveal()).toBe("hunter22");
  });
});

describe("fleetProblems()", () => {
  it("finds nothing wrong with one process, nor with a role on a bus", () => {
    expect(fleetProblems(configOf())).toEqual([]);
    expect(fleetProblems(secured)).toEqual([]);
  });

  it("refuses a role that nobody would share the work with", () => {
    expect(fleetProblems(configOf("role: router"))).toEqual([
      { path: "role", message: "router needs a bus: bus.nats or --nats" },
    ]);
  });
});

describe("busSecrets()", () => {
  it("lists password and token, where there are any", () => {
    expect(busSecrets(configOf())).toEqual([]);
    expect(busSecrets(secured)).toEqual(["hunter22"]);
    expect(busSecrets(configOf("bus: { nats: { servers: [a], token: t-1 } }"))).toEqual(["t-1"]);
  });
});

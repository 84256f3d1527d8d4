import { describe, expect, it } from "vitest";
import { collectNatsServers } from "../../../src/cli/nats-servers.ts";

describe("collectNatsServers()", () => {
  it("adds the addresses between commas to those before", () => {
    expect(collectNatsServers("nats://b:4222/, c", ["a"])).toEqual(["a", "nats://b:4222", "c"]);
  });

  it("refuses what is no address", () => {
    expect(() => collectNatsServers("http://a")).toThrow(
      "--nats: must be an address such as nats://nats-1:4222",
    );
  });

  it("refuses credentials without repeating them", () => {
    expect(() => collectNatsServers("nats://u:hunter22@a")).toThrow(
      /^(?!.*hunter22).*keys of their/,
    );
  });
});

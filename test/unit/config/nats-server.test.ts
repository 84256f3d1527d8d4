import { describe, expect, test } from "vitest";
import { natsServer } from "../../../src/config/nats-server.ts";

describe("natsServer", () => {
  test.each([
    { address: "nats://nats-1:4222", is: "nats://nats-1:4222" },
    { address: "tls://nats.internal", is: "tls://nats.internal" },
    { address: "nats_1.internal:4222/", is: "nats_1.internal:4222" },
    { address: "10.0.0.1", is: "10.0.0.1" },
    { address: "nats://[::1]:4222", is: "nats://[::1]:4222" },
    { address: "n", is: "n" },
  ])("takes $address", ({ address, is }) => {
    expect(natsServer.parse(address)).toBe(is);
  });

  test.each([
    "",
    "http://nats:4222",
    "nats://",
    "nats:65536",
    "nats:",
    "a b",
    "nats://a/path",
    "-a",
  ])("refuses %j", (address) => {
    expect(natsServer.safeParse(address).error?.issues.map(({ message }) => message)).toEqual([
      "must be an address such as nats://nats-1:4222",
    ]);
  });

  test.each(["nats://user:hunter22@nats:4222", "nats://token@nats"])(
    "refuses the credentials in %s and does not repeat them",
    (address) => {
      expect(natsServer.safeParse(address).error?.issues.map(({ message }) => message)).toEqual([
        "must not hold a user name, password or token; they have keys of their own",
      ]);
    },
  );
});

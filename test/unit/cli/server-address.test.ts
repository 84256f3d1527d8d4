import { describe, expect, it } from "vitest";
import { parseServerAddress } from "../../../src/cli/server-address.ts";

describe("parseServerAddress()", () => {
  it.each([
    ["localhost:50051", false, "http://localhost:50051"],
    ["router.example", false, "http://router.example:50051"],
    ["router.example:443", true, "https://router.example"],
    ["https://router.example", false, "https://router.example:50051"],
    ["https://router.example:443", false, "https://router.example"],
    ["http://127.0.0.1:80/", false, "http://127.0.0.1"],
    ["[::1]:9000", false, "http://[::1]:9000"],
    ["[::1]", false, "http://[::1]:50051"],
    ["grpc://127.0.0.1:50051", false, "http://127.0.0.1:50051"],
    ["GRPCS://router.example", true, "https://router.example:50051"],
  ])("reads %s (TLS asked for: %s) as %s", (address, tls, origin) => {
    expect(parseServerAddress(address, tls).origin).toBe(origin);
  });

  it.each([
    "",
    ":50051",
    "host:port",
    "a b",
    "host/path",
    "ftp://host",
    "https://u@host",
    "http://h/x",
  ])("refuses %j", (address) => {
    expect(() => parseServerAddress(address, false)).toThrow("--server");
  });

  it("refuses TLS options beside a URL without TLS", () => {
    expect(() => parseServerAddress("http://host", true)).toThrow("has no TLS");
  });
});

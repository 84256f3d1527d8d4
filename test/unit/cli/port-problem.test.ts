import { describe, expect, test } from "vitest";
import { portProblem } from "../../../src/cli/port-problem.ts";

const wanted = { setting: "listen.grpc.port", flag: "--grpc-port", host: "127.0.0.1", port: 80 };

describe("portProblem()", () => {
  test.each([
    {
      error: new Error(
        "No address added: [listen EADDRINUSE: address already in use 127.0.0.1:80]",
      ),
      says: "listen.grpc.port (--grpc-port): port 80 of 127.0.0.1 is taken; end the process that holds it, or choose another port (0 takes a free one)",
    },
    {
      error: new Error("listen EACCES: permission denied 127.0.0.1:80"),
      says: "listen.grpc.port (--grpc-port): this user may not open port 80 of 127.0.0.1; choose another port",
    },
    {
      error: new Error("listen EADDRNOTAVAIL: address not available 127.0.0.1:80"),
      says: "listen.grpc.host: 127.0.0.1 is no address of this machine; 0.0.0.0 stands for all it has",
    },
    ...["getaddrinfo ENOTFOUND here", "Name resolution failed for target dns:here:80"].map(
      (message) => ({
        error: new Error(message),
        says: "listen.grpc.host: no address is known for the name 127.0.0.1",
      }),
    ),
    {
      error: "broken",
      says: "listen.grpc.port (--grpc-port): cannot listen on port 80 of 127.0.0.1: broken",
    },
  ])("says what to do about $error", ({ error, says }) => {
    expect(portProblem(wanted, error)).toBe(says);
  });

  test("names no option where there is none", () => {
    const { flag: _, ...fixed } = wanted;
    expect(portProblem(fixed, new Error("EADDRINUSE"))).toMatch(/^listen\.grpc\.port: port 80 /);
  });
});

import { describe, expect, it } from "vitest";
import type { RpcEnd } from "../../../src/domain/ports.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import {
  connectionOf,
  createRpcTeller,
  NO_CONNECTION,
  noteError,
  noteGone,
  noteStatus,
  noteSuccess,
  statusName,
  timeoutLeftMs,
} from "../../../src/rpc/open-rpc.ts";
import { WireError } from "../../../src/rpc/status.ts";
import { exampleTrace } from "../../support/examples.ts";

type Headers = Parameters<ReturnType<typeof createRpcTeller>["open"]>[0]["headers"];

function start() {
  const ends: RpcEnd[] = [];
  const asked: unknown[] = [];
  const teller = createRpcTeller({
    beginTrace: (...headers) => {
      asked.push(headers);
      return exampleTrace();
    },
    onRpcEnd: (end) => ends.push(end),
    nowMs: () => 1_000,
    log: () => undefined,
  });
  const open = (headers: Headers = {}) =>
    teller.open({ system: "grpc", method: "a.B/C", connection: NO_CONNECTION, headers });
  return { ends, asked, open, teller, tell: teller.tell };
}

describe("the end of an RPC", () => {
  it("names both ends of its connection", () => {
    const { ends, teller } = start();
    const connection = { peer: "192.0.2.1:1", server: { host: "192.0.2.9", port: 50_051 } };
    teller.tell(teller.open({ system: "grpc", method: "a.B/C", connection, headers: {} }));
    expect(ends).toMatchObject([connection]);
  });

  it("is told once", () => {
    const { ends, open, tell } = start();
    const rpc = open();
    noteSuccess(rpc);
    tell(rpc);
    tell(rpc);
    expect(ends.map(({ status }) => status)).toEqual(["OK"]);
  });

  it("is the first error, which overrules a success", () => {
    const rpc = start().open();
    noteSuccess(rpc);
    noteError(rpc, new WireError("message-too-large", ""));
    noteGone(rpc);
    noteSuccess(rpc);
    noteStatus(rpc, 0);
    expect(rpc).toMatchObject({ status: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
  });

  it("is INTERNAL after what nobody expected", () => {
    const rpc = start().open();
    noteError(rpc, new TypeError("boom"));
    expect(rpc).toMatchObject({ status: "INTERNAL", reason: "INTERNAL" });
  });

  it("has the reason of the router's error", () => {
    const rpc = start().open();
    noteError(rpc, new RouterError("canceled", ""));
    expect(rpc).toMatchObject({ status: "CANCELLED", reason: "CANCELED" });
  });

  it("takes one traceparent and every line of tracestate", () => {
    const { asked, open } = start();
    open({ traceparent: "x", tracestate: ["a=1", "b=2"] });
    open({ traceparent: ["x", "y"], tracestate: "c=3" });
    expect(asked).toEqual([
      ["x", "a=1,b=2"],
      [undefined, "c=3"],
    ]);
  });
});

describe("statusName()", () => {
  it.each([
    [0, "OK"],
    [1, "CANCELLED"],
    [3, "INVALID_ARGUMENT"],
    [15, "DATA_LOSS"],
    [16, "UNAUTHENTICATED"],
    [17, "UNKNOWN"],
    [Number.NaN, "UNKNOWN"],
  ])("calls %d %s", (code, name) => {
    expect(statusName(code)).toBe(name);
  });
});

describe("timeoutLeftMs()", () => {
  it("takes the upload from the caller's timeout", () => {
    const rpc = { ...start().open(), begunAtMs: 100, receivedAtMs: 130 };
    expect([undefined, 50, 10].map((timeoutMs) => timeoutLeftMs(rpc, timeoutMs))).toEqual([
      undefined,
      20,
      0,
    ]);
  });
});

describe("the connection", () => {
  it.each([
    [{ remoteAddress: "192.0.2.1", remotePort: 5_000 }, "192.0.2.1:5000"],
    [{ remoteAddress: "2001:db8::1", remotePort: 5_000 }, "[2001:db8::1]:5000"],
    [{ remoteAddress: "::ffff:192.0.2.1", remotePort: 5_000 }, "192.0.2.1:5000"],
    [{ remoteAddress: "::ffff:1:2", remotePort: 5_000 }, "[::ffff:1:2]:5000"],
    [{}, ""],
  ])("of %o has the peer %j", (socket, peer) => {
    expect(connectionOf(socket)).toEqual({ peer, server: undefined });
  });

  it("has our own end", () => {
    const socket = { remoteAddress: "192.0.2.1", remotePort: 5_000 };
    const own = { localAddress: "192.0.2.9", localPort: 50_051 };
    expect(connectionOf({ ...socket, ...own }).server).toEqual({ host: "192.0.2.9", port: 50_051 });
    const mapped = { localAddress: "::ffff:192.0.2.9", localPort: 50_051 };
    expect(connectionOf({ ...socket, ...mapped }).server?.host).toBe("192.0.2.9");
    expect(connectionOf({ ...socket, localAddress: "192.0.2.9" }).server).toBeUndefined();
  });

  it("of a session is read once by each listener, and empty when it has gone", () => {
    const { connectionOfSession } = start().teller;
    let reads = 0;
    const session = {
      get socket() {
        reads += 1;
        return { remoteAddress: "192.0.2.1", remotePort: 1 };
      },
    };
    const connection = connectionOfSession(session);
    expect(connection.peer).toBe("192.0.2.1:1");
    expect(connectionOfSession(session)).toBe(connection);
    expect(reads).toBe(1);
    start().teller.connectionOfSession(session);
    expect(reads).toBe(2);
    expect(connectionOfSession(undefined)).toBe(NO_CONNECTION);
    const gone = {
      get socket(): never {
        throw new Error("ERR_HTTP2_SOCKET_UNBOUND");
      },
    };
    expect(connectionOfSession(gone)).toBe(NO_CONNECTION);
  });
});

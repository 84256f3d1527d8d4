import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld } from "../../unit/cli/memory-world.ts";
import { useScriptedServer } from "./scripted-server.ts";

const startServer = useScriptedServer();
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) {
    close();
  }
});

async function run(...argv: readonly string[]) {
  const world = createMemoryWorld();
  await runAtlas(world, argv);
  return { out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

/** Takes calls and answers none, whatever their deadline. Tells of their `grpc-timeout`. */
async function startSilentServer() {
  const timeouts: (string | undefined)[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createServer();
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    timeouts.push(headers["grpc-timeout"]?.toString());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    for (const session of sessions) {
      session.destroy();
    }
  });
  // A server that listens on a port has an address with one.
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, timeouts };
}

/** Fails as the router does: at the deadline, with what the call was doing then. */
function failAtDeadline({ signal }: HandlerContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      const value = { reason: "DEADLINE_EXCEEDED", metadata: { phase: "waiting-for-first-token" } };
      reject(
        new ConnectError("the deadline passed", Code.DeadlineExceeded, undefined, [
          { desc: ErrorInfoSchema, value },
        ]),
      );
    });
  });
}

describe("--deadline", () => {
  it.each([
    { name: "complete", argv: ["complete", "a/b", "Hi"] },
    { name: "complete --stream", argv: ["complete", "a/b", "Hi", "--stream"] },
    { name: "route", argv: ["route", "a/b"] },
  ])("of $name leaves the last word to the router", async ({ argv }) => {
    const server = await startServer({
      router: {
        complete: (_, context) => failAtDeadline(context),
        route: (_, context) => failAtDeadline(context),
        // biome-ignore lint/correctness/useYield: it fails before there is anything to say.
        async *streamComplete(_, context) {
          await failAtDeadline(context);
        },
      },
    });
    expect(await run(...argv, "--deadline", "60ms", "--server", server)).toEqual({
      out: "",
      err: "error: DEADLINE_EXCEEDED: the deadline passed\n" + "  phase: waiting-for-first-token\n",
      exitCode: 1,
    });
  });

  it("reaches the router as it was given, and ends a call that the router forgets", async () => {
    const { address, timeouts } = await startSilentServer();
    const argv = ["complete", "a/b", "Hi", "--deadline", "60ms", "--server", address];
    expect(await run(...argv)).toEqual({
      out: "",
      err: `error: DEADLINE_EXCEEDED: no answer from the router at ${address} by the deadline\n`,
      exitCode: 1,
    });
    expect(timeouts).toEqual(["60m"]);
  });
});

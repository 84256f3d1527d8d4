import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld } from "../../unit/cli/memory-world.ts";
import { type Script, useScriptedServer } from "./scripted-server.ts";

/** How long the command waits for the router's word once the deadline has passed. */
const GRACE_MS = 500;

const startServer = useScriptedServer();
const closers: (() => void)[] = [];

/** Of the router and of the command; connecting takes no time, however busy the machine is. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) {
    close();
  }
});

async function run(...argv: readonly string[]) {
  const world = createMemoryWorld();
  await runAtlas(world, argv);
  return { out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

/** Takes calls and answers none, whatever their deadline. Tells the `grpc-timeout` of the first. */
async function startSilentServer() {
  const asked = Promise.withResolvers<string | undefined>();
  const sessions: ServerHttp2Session[] = [];
  const server = createServer();
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    asked.resolve(headers["grpc-timeout"]?.toString());
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
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: asked.promise };
}

/** Fails as the router does: at the deadline, with what the call was doing then. */
function createDeadlineRouter() {
  const asked = Promise.withResolvers<void>();
  const failAtDeadline = ({ signal }: HandlerContext): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        const metadata = { phase: "waiting-for-first-token" };
        const desc = ErrorInfoSchema;
        const details = [{ desc, value: { reason: "DEADLINE_EXCEEDED", metadata } }];
        reject(new ConnectError("the deadline passed", Code.DeadlineExceeded, undefined, details));
      });
      asked.resolve();
    });
  const router: Script["router"] = {
    complete: (_, context) => failAtDeadline(context),
    route: (_, context) => failAtDeadline(context),
    // biome-ignore lint/correctness/useYield: it fails before there is anything to say.
    async *streamComplete(_, context) {
      await failAtDeadline(context);
    },
  };
  return { router, asked: asked.promise };
}

describe("--deadline", () => {
  it.each([
    { name: "complete", argv: ["complete", "a/b", "Hi"] },
    { name: "complete --stream", argv: ["complete", "a/b", "Hi", "--stream"] },
    { name: "route", argv: ["route", "a/b"] },
  ])("of $name leaves the last word to the router", async ({ argv }) => {
    const { router, asked } = createDeadlineRouter();
    const server = await startServer({ router });
    const ended = run(...argv, "--deadline", "60ms", "--server", server);
    await asked;
    // The command's own clock began before the router's.
    vi.advanceTimersByTime(60);
    expect(await ended).toEqual({
      out: "",
      err: "error: DEADLINE_EXCEEDED: the deadline passed\n" + "  phase: waiting-for-first-token\n",
      exitCode: 1,
    });
  });

  it("reaches the router as it was given, and ends a call that the router forgets", async () => {
    const { address, asked } = await startSilentServer();
    const ended = run("complete", "a/b", "Hi", "--deadline", "60ms", "--server", address);
    expect(await asked).toBe("60m");
    vi.advanceTimersByTime(60 + GRACE_MS);
    expect(await ended).toEqual({
      out: "",
      err: `error: DEADLINE_EXCEEDED: no answer from the router at ${address} by the deadline\n`,
      exitCode: 1,
    });
  });
});

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { create, fromJsonString, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, encodeBinaryHeader } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  GetModelResponseSchema,
  type ListModelsRequest,
  ListModelsResponseSchema,
} from "../../../gen/atlas/v1/catalog_service_pb.ts";
import {
  type CompleteRequest,
  CompleteResponseSchema,
  CompletionSpecSchema,
  FinishReason,
  type StreamCompleteRequest,
  StreamCompleteResponseSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import {
  type RouteRequest,
  RouteRequestSchema,
  RouteResponseSchema,
} from "../../../gen/atlas/v1/router_service_pb.ts";
import { Tier, UsageSchema, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld, type MemoryWorld } from "../../unit/cli/memory-world.ts";
import { gpt4oMiniPage } from "../../unit/cli/model-page-fixture.ts";
import { useScriptedServer } from "./scripted-server.ts";

const startServer = useScriptedServer();

type StreamInit = MessageInitShape<typeof StreamCompleteResponseSchema>;

const words = (...texts: readonly string[]): StreamInit[] =>
  texts.map((value) => ({
    event: { case: "content", value: { delta: { case: "text", value } } },
  }));

const outcome = {
  endpoint: "openai/gpt-4o-mini",
  attempts: [{ number: 1 }],
  usage: { freshInputTokens: 3n, visibleOutputTokens: 2n, source: UsageSource.PROVIDER },
  cost: { totalNanoUsd: 1_650n },
  timings: { upstreamFirstToken: durationFromMs(120), total: durationFromMs(480) },
};

const finished: StreamInit = { event: { case: "finished", value: outcome } };

const summary =
  "openai/gpt-4o-mini · 1 attempt · 3 in + 2 out tokens · cost $0.00000165 · " +
  "first token 120 ms · total 480 ms\n";

async function run(world: MemoryWorld, server: string, ...argv: readonly string[]) {
  await runAtlas(world, [...argv, "--server", server]);
  return { out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

describe("atlas route", () => {
  it("sends what the options say and shows the decision", async () => {
    const requests: RouteRequest[] = [];
    const server = await startServer({
      router: {
        route(request) {
          requests.push(request);
          return {
            decision: { endpoint: "azure/x", provider: "azure", tier: Tier.STANDARD },
            candidates: [{ endpoint: "azure/x", eligible: true, share: 1 }],
          };
        },
      },
    });
    const { out, err, exitCode } = await run(
      createMemoryWorld(),
      server,
      ...["route", "openai/gpt-4o-mini", "Hello", "--only", "azure,openai", "--max-cost", "0.01"],
      ...["--no-fallbacks", "--request-id", "0b0b6c1e-0000-4000-8000-000000000000"],
    );
    expect(toJson(RouteRequestSchema, requests[0] ?? create(RouteRequestSchema))).toEqual({
      spec: {
        model: "openai/gpt-4o-mini",
        messages: [{ role: "ROLE_USER", parts: [{ text: "Hello" }] }],
      },
      routing: {
        onlyProviders: ["azure", "openai"],
        maxCostNanoUsd: "10000000",
        disableFallbacks: true,
      },
      requestId: "0b0b6c1e-0000-4000-8000-000000000000",
    });
    expect(out).toContain("Endpoint  azure/x (azure, —)\n");
    expect(out).toContain("100.0 %");
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("plans for a short prompt when none is given", async () => {
    const requests: RouteRequest[] = [];
    const server = await startServer({
      router: {
        route(request) {
          requests.push(request);
          return {};
        },
      },
    });
    await run(createMemoryWorld(), server, "route", "a/b", "--system", "Be brief.");
    await run(createMemoryWorld(), server, "route", "a/b");
    expect(requests.map(({ spec }) => spec?.messages.length)).toEqual([1, 1]);
  });

  it("prints one document of proto JSON with --json", async () => {
    const response = { decision: { endpoint: "azure/x", estimatedInputTokens: 8n } };
    const server = await startServer({ router: { route: () => response } });
    const { out } = await run(createMemoryWorld(), server, "route", "a/b", "--json");
    expect(fromJsonString(RouteResponseSchema, out)).toEqual(create(RouteResponseSchema, response));
  });
});

describe("atlas complete", () => {
  it("prints the answer, and where it came from beside it", async () => {
    const server = await startServer({
      router: {
        complete: (request: CompleteRequest) => ({
          ...outcome,
          choices: [
            {
              message: { parts: [{ part: { case: "text", value: `To ${request.spec?.model}` } }] },
              finishReason: FinishReason.STOP,
            },
          ],
        }),
      },
    });
    expect(await run(createMemoryWorld(), server, "complete", "a/b", "Hello")).toEqual({
      out: "To a/b\n",
      err: summary,
      exitCode: 0,
    });
  });

  it("takes the prompt from standard input and the conversation from a file", async () => {
    const requests: CompleteRequest[] = [];
    const server = await startServer({
      router: {
        complete(request) {
          requests.push(request);
          return {};
        },
      },
    });
    const files = {
      "-": "Go on.",
      "talk.json": '{"messages":[{"role":"ROLE_USER","parts":[{"text":"Hi"}]}]}',
    };
    const world = createMemoryWorld({ files });
    await run(world, server, "complete", "a/b", "-", "--message-file", "talk.json");
    const spec = requests[0]?.spec ?? create(CompletionSpecSchema);
    expect(toJson(CompletionSpecSchema, spec)).toEqual({
      model: "a/b",
      messages: [
        { role: "ROLE_USER", parts: [{ text: "Hi" }] },
        { role: "ROLE_USER", parts: [{ text: "Go on." }] },
      ],
    });
  });

  it("prints several answers apart and the reasoning on standard error", async () => {
    const choiceOf = (index: number, text: string) => ({
      index,
      message: {
        parts: [
          { part: { case: "reasoning" as const, value: { text: `thought ${index}` } } },
          { part: { case: "text" as const, value: text } },
        ],
      },
    });
    const server = await startServer({
      router: { complete: () => ({ choices: [choiceOf(0, "one"), choiceOf(1, "two\u001b[2J")] }) },
    });
    const world = createMemoryWorld({ isTerminal: true, env: { NO_COLOR: "1" } });
    const { out, err } = await run(world, server, "complete", "a/b", "Hi", "--show-reasoning");
    expect(out).toBe("one\n--- answer 2 ---\ntwo␛[2J\n");
    expect(err).toContain("thought 0\nthought 1\n");
  });

  it("prints one document of proto JSON with --json and nothing beside it", async () => {
    const server = await startServer({ router: { complete: () => ({ id: "c-1" }) } });
    const { out, err } = await run(createMemoryWorld(), server, "complete", "a/b", "Hi", "--json");
    expect(fromJsonString(CompleteResponseSchema, out).id).toBe("c-1");
    expect(err).toBe("");
  });

  it("refuses to call with nothing to say", async () => {
    const { err, exitCode } = await run(createMemoryWorld(), "localhost:1", "complete", "a/b");
    expect(err).toContain("nothing to say");
    expect(exitCode).toBe(2);
  });

  it("gives up at the deadline", async () => {
    const server = await startServer({
      router: {
        complete: (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          }),
      },
    });
    const argv = ["complete", "a/b", "Hi", "--deadline", "50ms"];
    const { err, exitCode } = await run(createMemoryWorld(), server, ...argv);
    expect(err).toContain("DEADLINE_EXCEEDED");
    expect(exitCode).toBe(1);
  });
});

describe("atlas complete --stream", () => {
  const streamOf = (...events: readonly StreamInit[]) =>
    async function* stream() {
      yield* events;
    };

  it("prints the text and then how the call went", async () => {
    const server = await startServer({
      router: { streamComplete: streamOf(...words("It ", "rains."), finished) },
    });
    expect(await run(createMemoryWorld(), server, "complete", "a/b", "Hi", "--stream")).toEqual({
      out: "It rains.\n",
      err: summary,
      exitCode: 0,
    });
  });

  it("prints each event on a line of its own with --json", async () => {
    const server = await startServer({
      router: { streamComplete: streamOf(...words("It ", "rains."), finished) },
    });
    const argv = ["complete", "a/b", "Hi", "--stream", "--json"];
    const { out, err } = await run(createMemoryWorld(), server, ...argv);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => fromJsonString(StreamCompleteResponseSchema, line).event.case);
    expect(events).toEqual(["content", "content", "finished"]);
    expect(err).toBe("");
  });

  it("asks for the reasoning only when it is to be shown", async () => {
    const requests: StreamCompleteRequest[] = [];
    const server = await startServer({
      router: {
        async *streamComplete(request) {
          requests.push(request);
          yield finished;
        },
      },
    });
    await run(createMemoryWorld(), server, "complete", "a/b", "Hi", "--stream");
    await run(createMemoryWorld(), server, "complete", "a/b", "Hi", "--stream", "--show-reasoning");
    expect(requests.map(({ spec }) => spec?.reasoning?.includeInResponse)).toEqual([
      undefined,
      true,
    ]);
  });

  it("keeps what came before a failure and tells what was counted", async () => {
    const usage = create(UsageSchema, {
      freshInputTokens: 3n,
      visibleOutputTokens: 1n,
      source: UsageSource.PARTIAL,
    });
    const server = await startServer({
      router: {
        async *streamComplete() {
          yield* words("It ");
          throw new ConnectError(
            "the provider broke off",
            Code.Unavailable,
            { "atlas-usage-bin": encodeBinaryHeader(usage, UsageSchema) },
            [{ desc: ErrorInfoSchema, value: { reason: "STREAM_INTERRUPTED" } }],
          );
        },
      },
    });
    expect(await run(createMemoryWorld(), server, "complete", "a/b", "Hi", "--stream")).toEqual({
      out: "It \n",
      err:
        "error: UNAVAILABLE (STREAM_INTERRUPTED): the provider broke off\n" +
        "  counted until then: 3 in + 1 out tokens, partial\n",
      exitCode: 1,
    });
  });

  it("does not take a stream without its last message for a success", async () => {
    const server = await startServer({ router: { streamComplete: streamOf(...words("It ")) } });
    const { err, exitCode } = await run(
      createMemoryWorld(),
      server,
      ...["complete", "a/b", "Hi", "--stream"],
    );
    expect(err).toBe("error: the stream ended without its last message\n");
    expect(exitCode).toBe(1);
  });

  it("cancels the call at Ctrl-C, and the server sees it", async () => {
    const canceled = Promise.withResolvers<void>();
    const server = await startServer({
      router: {
        async *streamComplete(_, { signal }) {
          signal.addEventListener("abort", () => canceled.resolve());
          yield* words("It ");
          await canceled.promise;
        },
      },
    });
    const world = createMemoryWorld({ onOutput: () => world.interrupt() });
    const result = await run(world, server, "complete", "a/b", "Hi", "--stream");
    expect(result).toEqual({
      out: "It \n",
      err: "error: interrupted: the call was cancelled\n",
      exitCode: 130,
    });
    await expect(canceled.promise).resolves.toBeUndefined();
  });
});

describe("atlas models", () => {
  const page = gpt4oMiniPage();
  const ids = ["a/one", "a/two", "b/three", "b/four", "openai/gpt-4o-mini"];

  function pagingCatalog(requests: ListModelsRequest[]) {
    return {
      listModels(request: ListModelsRequest) {
        requests.push(request);
        const start = Number(request.pageToken);
        return {
          models: ids.slice(start, start + 2).map((id) => ({ id })),
          nextPageToken: start + 2 < ids.length ? String(start + 2) : "",
          catalogRevision: 7n,
        };
      },
      getModel({ id }: { readonly id: string }) {
        if (id === "a/two") {
          throw new ConnectError("withdrawn", Code.NotFound);
        }
        return page;
      },
    };
  }

  it("lists the models of all pages", async () => {
    const requests: ListModelsRequest[] = [];
    const server = await startServer({ catalog: pagingCatalog(requests) });
    const { out, exitCode } = await run(createMemoryWorld(), server, "models", "--query", "x");
    expect(requests.map(({ pageToken, query }) => [pageToken, query])).toEqual([
      ["", "x"],
      ["2", "x"],
      ["4", "x"],
    ]);
    const lines = out.split("\n");
    expect(lines.slice(1, 6).map((line) => line.split(/ {2,}/))).toEqual([
      ["a/one", "—", "3", "0.15", "—"],
      ["a/two", "—", "—", "—", "—"],
      ["b/three", "—", "3", "0.15", "—"],
      ["b/four", "—", "3", "0.15", "—"],
      ["openai/gpt-4o-mini", "—", "3", "0.15", "—"],
    ]);
    expect(lines).toContain("5 models");
    expect(exitCode).toBe(0);
  });

  it("prints all pages as one document with --json", async () => {
    const server = await startServer({ catalog: pagingCatalog([]) });
    const { out } = await run(createMemoryWorld(), server, "models", "--json");
    const list = fromJsonString(ListModelsResponseSchema, out);
    expect(list.models.map(({ id }) => id)).toEqual(ids);
    expect(list.catalogRevision).toBe(7n);
  });

  it("shows a model's page for the caller's operation", async () => {
    const operations: string[] = [];
    const server = await startServer({
      catalog: {
        getModel({ operation }) {
          operations.push(operation);
          return page;
        },
      },
    });
    const argv = ["models", "gpt-4o-mini", "--operation", "support.reply"];
    const { out } = await run(createMemoryWorld(), server, ...argv);
    expect(operations).toEqual(["support.reply"]);
    expect(out).toContain("Cheapest provider          Azure, $0.15 per 1M input tokens");
    const { out: json } = await run(createMemoryWorld(), server, ...argv, "--json");
    expect(fromJsonString(GetModelResponseSchema, json)).toEqual(page);
  });

  it("passes on a failure of the list's details", async () => {
    const server = await startServer({
      catalog: {
        listModels: () => ({ models: [{ id: "a/one" }] }),
        getModel: () => {
          throw new ConnectError("no", Code.PermissionDenied);
        },
      },
    });
    const { err, exitCode } = await run(createMemoryWorld(), server, "models");
    expect(err).toBe("error: PERMISSION_DENIED: no\n");
    expect(exitCode).toBe(1);
  });

  it("refuses options that do not fit", async () => {
    const { exitCode } = await run(
      createMemoryWorld(),
      "localhost:1",
      "models",
      "--operation",
      "x",
    );
    const other = await run(createMemoryWorld(), "localhost:1", "models", "a/b", "--query", "x");
    expect([exitCode, other.exitCode]).toEqual([2, 2]);
  });
});

describe("a failed call", () => {
  const noEndpoint = () => {
    throw new ConnectError("no endpoint is eligible", Code.FailedPrecondition, undefined, [
      {
        desc: ErrorInfoSchema,
        value: { reason: "NO_ELIGIBLE_ENDPOINT", domain: "atlas.internal" },
      },
      {
        desc: PreconditionFailureSchema,
        value: {
          violations: [
            { type: "PRICE_ABOVE_LIMIT", subject: "azure/x", description: "$0.15 above $0.01" },
          ],
        },
      },
      {
        desc: BadRequestSchema,
        value: { fieldViolations: [{ field: "spec.model", description: "is empty" }] },
      },
      { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(2_000) } },
    ]);
  };

  it("is told with every detail of the server's error", async () => {
    const server = await startServer({ router: { route: noEndpoint } });
    expect(await run(createMemoryWorld(), server, "route", "a/b")).toEqual({
      out: "",
      err: `error: FAILED_PRECONDITION (NO_ELIGIBLE_ENDPOINT): no endpoint is eligible
  spec.model: is empty
  azure/x (PRICE_ABOVE_LIMIT): $0.15 above $0.01
  try again in 2.00 s
`,
      exitCode: 1,
    });
  });

  it("is told as JSON with --json", async () => {
    const server = await startServer({ router: { route: noEndpoint } });
    const { err, exitCode } = await run(createMemoryWorld(), server, "route", "a/b", "--json");
    expect(JSON.parse(err)).toMatchObject({
      error: { code: "FAILED_PRECONDITION", reason: "NO_ELIGIBLE_ENDPOINT", retryAfterMs: 2_000 },
    });
    expect(exitCode).toBe(1);
  });

  it("points to the list of models when the model is not known", async () => {
    const server = await startServer({
      catalog: {
        getModel: () => {
          throw new ConnectError("unknown model", Code.NotFound, undefined, [
            { desc: ErrorInfoSchema, value: { reason: "MODEL_NOT_FOUND" } },
          ]);
        },
      },
    });
    const { err } = await run(createMemoryWorld(), server, "models", "a/b");
    expect(err).toContain(
      "error: NOT_FOUND (MODEL_NOT_FOUND): unknown model\n`atlas models` lists",
    );
  });

  it("of a server without the method is a failed call and not a lost one", async () => {
    const server = await startServer({});
    const { err, exitCode } = await run(createMemoryWorld(), server, "models");
    expect(err).toContain("UNIMPLEMENTED");
    expect(exitCode).toBe(1);
  });
});

describe("a server that cannot be reached", () => {
  async function withTcpServer(server: Server, use: (address: string) => Promise<void>) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await use(`127.0.0.1:${port}`);
    server.close();
  }

  it("is told by its address, with what to do", async () => {
    let free = "";
    await withTcpServer(createServer(), async (address) => {
      free = address;
    });
    const { err, exitCode } = await run(createMemoryWorld(), free, "models");
    expect(err).toContain(`error: cannot reach the router at ${free}: connect ECONNREFUSED`);
    expect(err).toContain("`atlas serve` starts one");
    expect(exitCode).toBe(3);
  });

  it("is told as JSON with --json", async () => {
    const { err, exitCode } = await run(createMemoryWorld(), "127.0.0.1:1", "models", "--json");
    expect(JSON.parse(err)).toMatchObject({ error: { code: "UNREACHABLE" } });
    expect(exitCode).toBe(3);
  });

  it("also hangs up", async () => {
    const hangingUp = createServer((socket) => socket.destroy());
    await withTcpServer(hangingUp, async (address) => {
      const { err, exitCode } = await run(createMemoryWorld(), address, "models");
      expect(err).toContain(`the router at ${address}: `);
      expect(exitCode).toBe(3);
    });
  });

  it("also speaks something else than gRPC", async () => {
    const speakingHttp1 = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await withTcpServer(speakingHttp1, async (address) => {
      const { exitCode } = await run(createMemoryWorld(), address, "models");
      expect(exitCode).toBe(3);
    });
  });

  it("is told apart from one without TLS", async () => {
    const server = await startServer({});
    const { err, exitCode } = await run(createMemoryWorld(), `https://${server}`, "models");
    expect(err).toContain(`cannot reach the router at https://${server}: it does not speak TLS\n`);
    expect(exitCode).toBe(3);
  });

  it("is given up at the deadline while there is no connection", async () => {
    const silent = createServer((socket) => socket.on("error", () => socket.destroy()));
    await withTcpServer(silent, async (address) => {
      const argv = ["complete", "a/b", "Hi", "--deadline", "50ms"];
      const { err, exitCode } = await run(createMemoryWorld(), `https://${address}`, ...argv);
      expect(err).toContain("no connection within 50 ms");
      expect(exitCode).toBe(3);
    });
  });

  it("is left without a connection when the command is done", async () => {
    const closed = Promise.withResolvers<void>();
    const silent = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.on("close", () => closed.resolve());
      socket.resume();
    });
    await withTcpServer(silent, async (address) => {
      const argv = ["complete", "a/b", "Hi", "--deadline", "50ms"];
      const { exitCode } = await run(createMemoryWorld(), address, ...argv);
      expect(exitCode).toBe(1);
      await expect(closed.promise).resolves.toBeUndefined();
    });
  });

  it("is not waited for after Ctrl-C", async () => {
    const silent = createServer();
    const world = createMemoryWorld();
    silent.on("connection", (socket) => {
      socket.on("error", () => socket.destroy());
      world.interrupt();
    });
    await withTcpServer(silent, async (address) => {
      const { err, exitCode } = await run(world, address, "complete", "a/b", "Hi");
      expect(err).toMatch(/^error: interrupted: .+\n$/);
      expect(exitCode).toBe(130);
    });
  });

  it("is named by ATLAS_SERVER when the command line names none", async () => {
    const server = await startServer({ router: { complete: () => ({}) } });
    const world = createMemoryWorld({ env: { ATLAS_SERVER: server } });
    await runAtlas(world, ["complete", "a/b", "Hi"]);
    expect(world.exitCode()).toBe(0);
  });
});

describe("TLS", () => {
  const pem = (name: string) => readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url));
  const files = {
    "ca.pem": pem("ca"),
    "client.pem": pem("client"),
    "client-key.pem": pem("client-key"),
  };
  const tls = { ca: pem("ca"), cert: pem("server"), key: pem("server-key") };
  const router = { complete: () => ({ id: "c-1" }) };
  const call = ["complete", "a/b", "Hi", "--json"];

  it("reaches a server whose certificate the named authority has signed", async () => {
    const server = await startServer({ router, tls });
    const world = createMemoryWorld({ files });
    const { err, exitCode } = await run(world, server, ...call, "--tls-ca", "ca.pem");
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("shows the own certificate to a server that asks for one", async () => {
    const strict = { ...tls, requestCert: true, rejectUnauthorized: true };
    const server = await startServer({ router, tls: strict });
    const mutual = [
      "--tls-ca",
      "ca.pem",
      "--tls-cert",
      "client.pem",
      "--tls-key",
      "client-key.pem",
    ];
    const known = await run(createMemoryWorld({ files }), server, ...call, ...mutual);
    expect(known.exitCode).toBe(0);
    const unknown = await run(
      createMemoryWorld({ files }),
      server,
      ...[...call, "--tls-ca", "ca.pem"],
    );
    expect(unknown.exitCode).toBe(3);
  });

  it("does not trust a certificate that nobody it knows has signed", async () => {
    const server = await startServer({ router, tls });
    const { err, exitCode } = await run(createMemoryWorld(), `https://${server}`, ...call);
    expect(JSON.parse(err)).toMatchObject({
      error: { code: "UNREACHABLE", message: expect.stringContaining("certificate") },
    });
    expect(exitCode).toBe(3);
  });

  it.each([
    { name: "a file without certificate", argv: ["--tls-ca", "none.pem"] },
    { name: "a key of another", argv: ["--tls-cert", "client.pem", "--tls-key", "other.pem"] },
  ])("refuses $name before it connects", async ({ argv }) => {
    const strange = { "none.pem": "no certificate", "other.pem": pem("server-key") };
    const world = createMemoryWorld({ files: { ...files, ...strange } });
    const { err, exitCode } = await run(world, "localhost:1", ...call, ...argv);
    expect(JSON.parse(err)).toMatchObject({
      error: { code: "USAGE", message: expect.stringContaining("--tls files") },
    });
    expect(exitCode).toBe(2);
  });
});

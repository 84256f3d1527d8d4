import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { create, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { CompleteResponseSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { FailureKind } from "../../../gen/atlas/v1/types_pb.ts";
import { fastestOf } from "../../support/fastest-of.ts";
import { freePort } from "../../support/free-port.ts";
import {
  configureEndpoint,
  endpointStats,
  routerClient,
  specOf,
} from "../../support/router-client.ts";
import { INSTANT_FLEET, type RunningRouter, startRouter } from "../../support/running-router.ts";

const MODEL = "openai/gpt-4o-mini";
const OPENAI = "openai/gpt-4o-mini";
const TOGETHER = `
catalog:
  endpoints:
    together/gpt-4o-mini:
      model: openai/gpt-4o-mini
      provider: together
      upstreamModel: x
      price: { input: "0.01", output: "0.02" }
`;
const onlyOpenai = { onlyProviders: ["openai"] };

let router: RunningRouter;

async function start(config?: string, env?: Readonly<Record<string, string>>) {
  router = await startRouter({ ...(config !== undefined && { config }), ...(env && { env }) });
  return { router, client: routerClient(router.grpcUrl) };
}

afterEach(async () => {
  await router.stop();
});

describe("a caller who leaves", () => {
  test.each(["unary", "stream"])("aborts the provider's work within 50 ms: %s", async (kind) => {
    const { client } = await start();
    const stall = { stallBeforeFirstToken: { rate: 1 }, timeScale: 1 };
    await configureEndpoint(router.fleetUrl, OPENAI, stall);
    const request = { spec: specOf(MODEL), routing: onlyOpenai };
    const call = (signal: AbortSignal) =>
      kind === "unary"
        ? client.complete(request, { signal })
        : drained(client.streamComplete(request, { signal }));

    async function abortLagMs(): Promise<number> {
      const before = await endpointStats(router.fleetUrl, OPENAI);
      const controller = new AbortController();
      const ended = call(controller.signal).then(
        () => "ended",
        (error) => ConnectError.from(error).code,
      );
      await until(async () => (await endpointStats(router.fleetUrl, OPENAI)).open === 1);
      const leftAtMs = Date.now();
      controller.abort();
      expect(await ended).toBe(Code.Canceled);
      const noticed = before.aborted + 1;
      await until(async () => (await endpointStats(router.fleetUrl, OPENAI)).aborted === noticed);
      const { abortedAtMs, open } = await endpointStats(router.fleetUrl, OPENAI);
      expect(open).toBe(0);
      return (abortedAtMs.at(-1) ?? Number.POSITIVE_INFINITY) - leftAtMs;
    }

    expect(await fastestOf(5, abortLagMs)).toBeLessThan(50);
  });
});

async function drained(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // Only its end matters.
  }
}

describe("reload", () => {
  const models = (url: string) =>
    createClient(CatalogService, createGrpcTransport({ baseUrl: url })).getModel({ id: MODEL });

  test("takes a changed configuration between two calls", async () => {
    const { client } = await start();
    const before = await client.route({ spec: specOf(MODEL) });
    router.rewrite(`${INSTANT_FLEET}policy: { ignoreProviders: [azure] }\n`);
    expect(await router.logged("settings reloaded")).toContain("policy.ignoreProviders");
    const after = await client.route({ spec: specOf(MODEL) });
    expect(after.decision?.endpoint).toBe(OPENAI);
    expect(after.decision?.catalogRevision).toBeGreaterThan(before.decision?.catalogRevision ?? 0n);
  });

  test("changes nothing when the configuration has problems, and lists all of them", async () => {
    const { client } = await start();
    router.rewrite("listen: { grpc: { port: -1 } }\nnonsense: 1\n");
    const line = await router.logged("nothing was changed");
    expect(line).toContain("listen.grpc.port");
    expect(line).toContain("nonsense");
    await expect(client.complete({ spec: specOf(MODEL) })).resolves.toBeDefined();
  });

  test("adds an endpoint from the operator's catalogue on request", async () => {
    await start();
    router.write(INSTANT_FLEET + TOGETHER);
    router.reload();
    await router.logged("settings reloaded");
    const { endpoints, cheapestEndpoint } = await models(router.grpcUrl);
    expect(endpoints.map(({ id }) => id)).toContain("together/gpt-4o-mini");
    expect(cheapestEndpoint).toBe("together/gpt-4o-mini");
  });

  test("serves an added endpoint by the same fleet, also at a fixed control port", async () => {
    const fleet = `simulator: { timeScale: 0, controlPort: ${await freePort()} }\n`;
    const { client } = await start(fleet);
    router.write(fleet + TOGETHER);
    router.reload();
    await router.logged("settings reloaded");
    const only = { onlyProviders: ["together"] };
    const { endpoint } = await client.complete({ spec: specOf(MODEL), routing: only });
    expect(endpoint).toBe("together/gpt-4o-mini");
    expect((await endpointStats(router.fleetUrl, endpoint)).requests).toBe(1);
  });

  test("leaves the simulator as it was started, and says that a change needs a restart", async () => {
    const { client } = await start();
    router.write("simulator: { timeScale: 1000, mode: off }\n");
    router.reload();
    const line = await router.logged("only after a restart");
    expect(JSON.parse(line).keys).toEqual(["simulator.mode", "simulator.timeScale"]);
    await expect(client.complete({ spec: specOf(MODEL) })).resolves.toBeDefined();
  });
});

describe("a provider with a key", () => {
  const CANARY = "sk-canary-5f1d7a0e9b";
  let provider: Server;
  let requests: { authorization: string | undefined; url: string | undefined }[];
  /** Keeps the answer back until it resolves. */
  let hold: () => Promise<void>;
  let answer: (key: string) => { status: number; body: string };

  beforeEach(async () => {
    requests = [];
    hold = () => Promise.resolve();
    provider = createServer((request, response) => {
      requests.push({ authorization: request.headers.authorization, url: request.url });
      void hold().then(() => {
        const { status, body } = answer(request.headers.authorization ?? "");
        response.writeHead(status, { "content-type": "application/json" }).end(body);
      });
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => provider.close(resolve)));

  const config = () =>
    `${INSTANT_FLEET}log: { level: debug }\nproviders:\n  openai:\n    baseUrl: http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1\n`;

  test("is called for real as soon as its key is in the environment", async () => {
    answer = () => ({
      status: 200,
      body: JSON.stringify({
        model: "gpt-4o-mini-real",
        choices: [{ index: 0, message: { content: "real" }, finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      }),
    });
    const { client } = await start(config(), { OPENAI_API_KEY: CANARY });
    // Nothing has measured the endpoint: the first calls are streamed to be, which this provider ignores.
    const response = await client.complete({ spec: specOf(MODEL), routing: onlyOpenai });
    expect(response.endpoint).toBe(OPENAI);
    expect(requests[0]).toEqual({
      authorization: `Bearer ${CANARY}`,
      url: "/v1/chat/completions",
    });
  });

  test("does not end a call elsewhere than it was planned because of a reload", async () => {
    const asked = Promise.withResolvers<void>();
    const reloaded = Promise.withResolvers<void>();
    answer = () => ({ status: 500, body: "{}" });
    hold = async () => {
      asked.resolve();
      await reloaded.promise;
    };
    const { client } = await start(config() + TOGETHER, { OPENAI_API_KEY: CANARY });
    const order = ["openai", "together"];
    const routing = { onlyProviders: order, providerOrder: order };
    const call = client.complete({ spec: specOf(MODEL), routing });
    await asked.promise;
    router.write(config());
    router.reload();
    await router.logged("settings reloaded");
    reloaded.resolve();
    const { attempts } = await call;
    expect(attempts).toMatchObject([
      { endpoint: OPENAI, failure: FailureKind.SERVER_ERROR },
      { endpoint: "together/gpt-4o-mini", failure: FailureKind.UNSPECIFIED },
    ]);
  });

  test("has its refused key told in the log, although the call succeeds elsewhere", async () => {
    answer = () => ({ status: 401, body: "{}" });
    const { client } = await start(config(), { OPENAI_API_KEY: CANARY });
    await client.complete({ spec: specOf(MODEL), routing: { providerOrder: ["openai"] } });
    expect(JSON.parse(await router.logged("attempt failed"))).toMatchObject({
      level: "warn",
      endpoint: OPENAI,
      failure: "credentials",
      httpStatus: 401,
    });
  });

  test.each([
    { name: "refuses the key and repeats it", status: 401 },
    { name: "refuses the request and repeats the key", status: 400 },
    { name: "fails and repeats the key", status: 500 },
  ])("never has its key shown when it $name", async ({ status }) => {
    answer = (key) => ({
      status,
      body: JSON.stringify({ error: { message: `bad ${key} ${CANARY}`, type: key, code: key } }),
    });
    const { client } = await start(config(), { OPENAI_API_KEY: CANARY });
    const error = ConnectError.from(
      await client.complete({ spec: specOf(MODEL), routing: onlyOpenai }).catch((thrown) => thrown),
    );
    const shown = [
      error.message,
      JSON.stringify([...error.metadata]),
      Buffer.from(error.metadata.get("grpc-status-details-bin") ?? "", "base64").toString("latin1"),
      router.output(),
      await (await fetch(`${router.httpUrl}/readyz`)).text(),
    ].join("\n");
    expect(requests.length).toBeGreaterThan(0);
    expect(shown).not.toContain(CANARY);
  });

  test("keeps the key out of an answer that holds it by accident in its attempts", async () => {
    answer = (key) => ({ status: 503, body: `overloaded ${key}` });
    const { client } = await start(config(), { OPENAI_API_KEY: CANARY });
    const response = await client.complete({
      spec: specOf(MODEL),
      routing: { providerOrder: ["openai"] },
    });
    expect(response.attempts[0]?.failure).toBe(FailureKind.OVERLOADED);
    expect(
      toJsonString(CompleteResponseSchema, create(CompleteResponseSchema, response)),
    ).not.toContain(CANARY);
  });
});

/** Asks until it is so; the test's own timeout is the limit. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    // Every question is a round trip to another server, so this does not spin.
  }
}

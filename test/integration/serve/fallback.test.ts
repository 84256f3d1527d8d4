import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CompleteResponse } from "../../../gen/atlas/v1/completion_pb.ts";
import { FailureKind, UsageSchema, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import {
  configureEndpoint,
  type RouterClient,
  routerClient,
  specOf,
} from "../../support/router-client.ts";
import { type RunningRouter, startRouter } from "../../support/running-router.ts";

const MODEL = "openai/gpt-4o-mini";
/** The only one of its provider, so that a call can be meant for it alone. */
const BROKEN = "openai/gpt-4o-mini";
const ENDPOINTS = ["azure/eastus/gpt-4o-mini", "azure/swedencentral/gpt-4o-mini", BROKEN];
const healthy = { serverError: { rate: 0 }, cutConnection: { rate: 0 } };

let router: RunningRouter;
let client: RouterClient;

beforeAll(async () => {
  router = await startRouter();
  client = routerClient(router.grpcUrl);
  await Promise.all(ENDPOINTS.map((id) => configureEndpoint(router.fleetUrl, id, healthy)));
});

afterAll(async () => {
  await router.stop();
});

describe("with one endpoint that fails every call", () => {
  let answers: readonly CompleteResponse[];

  beforeAll(async () => {
    const broken = { serverError: { rate: 1, status: 500 } };
    await configureEndpoint(router.fleetUrl, BROKEN, broken);
    answers = (await Promise.all(Array.from({ length: 20 }, fiftyCalls))).flat();
  }, 30_000);
  afterAll(() => configureEndpoint(router.fleetUrl, BROKEN, healthy));

  async function fiftyCalls(): Promise<readonly CompleteResponse[]> {
    const done: CompleteResponse[] = [];
    for (let call = 0; call < 50; call++) {
      done.push(await client.complete({ spec: specOf(MODEL) }));
    }
    return done;
  }

  async function brokenCandidate() {
    const { candidates } = await client.route({ spec: specOf(MODEL) });
    return candidates.find(({ endpoint }) => endpoint === BROKEN);
  }

  test("a thousand calls all succeed, and the attempts show what failed where", () => {
    expect(answers).toHaveLength(1_000);
    expect(answers.filter(({ choices }) => choices.length !== 1)).toEqual([]);
    const failed = answers.flatMap(({ attempts }) => attempts.slice(0, -1));
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed.map(({ endpoint }) => endpoint))).toEqual(new Set([BROKEN]));
    expect(new Set(failed.map(({ failure }) => failure))).toEqual(
      new Set([FailureKind.SERVER_ERROR]),
    );
    expect(failed[0]?.httpStatus).toBe(500);
  });

  test("the breaker keeps calls away from it, and Route says so", async () => {
    let broken = await brokenCandidate();
    while (broken?.rejections.length === 0) {
      // Its dead time is over: the next call that is meant for it finds out that it is not back.
      const routing = { onlyProviders: ["openai"] };
      await expect(client.complete({ spec: specOf(MODEL), routing })).rejects.toThrow();
      broken = await brokenCandidate();
    }
    expect(broken?.share).toBe(0);
    expect(broken?.rejections.map(({ soft }) => soft)).toEqual([true]);
  });
});

describe("with endpoints that cut the stream after ten tokens", () => {
  beforeAll(async () => {
    const cut = { cutConnection: { rate: 1, afterTokens: 10 } };
    await Promise.all(ENDPOINTS.map((id) => configureEndpoint(router.fleetUrl, id, cut)));
  });
  afterAll(async () => {
    await Promise.all(ENDPOINTS.map((id) => configureEndpoint(router.fleetUrl, id, healthy)));
  });

  test("the caller gets the ten tokens and then the typed error with its partial usage", async () => {
    const { error, text } = await streamToError();
    expect(text.trim().split(" ")).toHaveLength(10);
    expect(error.code).toBe(Code.Unavailable);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: "STREAM_INTERRUPTED",
      domain: "atlas.internal",
    });
    const trailer = error.metadata.get("atlas-usage-bin") ?? "";
    const usage = fromBinary(UsageSchema, Buffer.from(trailer, "base64"));
    expect(usage.source).toBe(UsageSource.PARTIAL);
    expect(usage.visibleOutputTokens).toBeGreaterThan(0n);
  });

  async function streamToError() {
    let text = "";
    try {
      for await (const { event } of client.streamComplete({ spec: specOf(MODEL) })) {
        text +=
          event.case === "content" && event.value.delta.case === "text"
            ? event.value.delta.value
            : "";
      }
    } catch (error) {
      return { error: ConnectError.from(error), text };
    }
    throw new Error("the stream ended without an error");
  }
});

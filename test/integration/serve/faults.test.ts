import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import type { StreamCompleteResponse } from "../../../gen/atlas/v1/completion_pb.ts";
import { FailureKind } from "../../../gen/atlas/v1/types_pb.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import {
  configureEndpoint,
  type RouterClient,
  routerClient,
  specOf,
} from "../../support/router-client.ts";
import { INSTANT_FLEET, type RunningRouter, startRouter } from "../../support/running-router.ts";

const MODEL = "openai/gpt-4o-mini";
const FIRST = "openai/gpt-4o-mini";
const preferFirst = { providerOrder: ["openai"] };
/** For endpoints that fall silent: with two attempts, the limits of the second one are out of reach. */
const FIRST_TOKEN_LIMIT =
  "timeouts: { connectMs: 300, firstToken: { minMs: 300, coldMs: 300, maxMs: 300 } }\nretry: { maxAttempts: 2 }\n";
const IDLE_LIMIT = "timeouts: { idleMs: 300 }\n";
const always = { rate: 1 };
const atOnce = { rate: 1, afterTokens: 0 };

let router: RunningRouter;
let client: RouterClient;

async function start(limits = ""): Promise<void> {
  router = await startRouter({ config: INSTANT_FLEET + limits });
  client = routerClient(router.grpcUrl);
  // The page's error rates would end some of these tests by chance.
  const others = ["azure/eastus/gpt-4o-mini", "azure/swedencentral/gpt-4o-mini"];
  const healthy = { serverError: { rate: 0 } };
  await Promise.all(
    [FIRST, ...others].map((id) => configureEndpoint(router.fleetUrl, id, healthy)),
  );
}

afterEach(async () => {
  await router.stop();
});

const beforeContent = [
  { name: "rate limit", profile: { rateLimited: always }, failure: FailureKind.RATE_LIMITED },
  {
    name: "used-up credit",
    profile: { quotaExhausted: always },
    failure: FailureKind.QUOTA_EXHAUSTED,
  },
  {
    name: "overload",
    profile: { serverError: { rate: 1, status: 529 } },
    failure: FailureKind.OVERLOADED,
  },
  {
    name: "server error",
    profile: { serverError: { rate: 1, status: 500 } },
    failure: FailureKind.SERVER_ERROR,
  },
  { name: "page of a proxy", profile: { htmlError: always }, failure: FailureKind.SERVER_ERROR },
  { name: "refused key", profile: { unauthorized: always }, failure: FailureKind.CREDENTIALS },
  {
    name: "unknown model",
    profile: { modelNotFound: always },
    failure: FailureKind.MODEL_NOT_FOUND,
  },
  {
    name: "silence before headers",
    limits: FIRST_TOKEN_LIMIT,
    profile: { stallBeforeHeaders: always },
    failure: FailureKind.FIRST_TOKEN_TIMEOUT,
  },
  {
    name: "silence before the first token",
    limits: FIRST_TOKEN_LIMIT,
    profile: { stallBeforeFirstToken: always },
    failure: FailureKind.FIRST_TOKEN_TIMEOUT,
  },
  {
    name: "error inside a 200",
    profile: { errorInStream: atOnce },
    failure: FailureKind.SERVER_ERROR,
  },
  { name: "cut connection", profile: { cutConnection: atOnce }, failure: FailureKind.NETWORK },
  {
    name: "malformed chunk",
    profile: { malformedChunk: atOnce },
    failure: FailureKind.MALFORMED_RESPONSE,
  },
  {
    name: "empty answer",
    profile: { emptyCompletion: always },
    failure: FailureKind.MALFORMED_RESPONSE,
  },
];

describe("a fault before the first content", () => {
  test.each(beforeContent)(
    "is survived and told as what it is: $name",
    async ({ profile, failure, limits }) => {
      await start(limits);
      await configureEndpoint(router.fleetUrl, FIRST, profile);
      const events: StreamCompleteResponse["event"][] = [];
      for await (const { event } of client.streamComplete({
        spec: specOf(MODEL),
        routing: preferFirst,
      })) {
        events.push(event);
      }
      const finished = events.at(-1);
      expect(finished?.case).toBe("finished");
      expect(events.filter((event) => event.case === "routeSwitched")).toHaveLength(1);
      expect(finished?.value).toMatchObject({
        attempts: [{ endpoint: FIRST, failure }, { failure: FailureKind.UNSPECIFIED }],
      });
    },
  );
});

const afterContent = [
  { name: "error inside a 200", profile: { errorInStream: { rate: 1, afterTokens: 3 } } },
  { name: "cut connection", profile: { cutConnection: { rate: 1, afterTokens: 3 } } },
  { name: "malformed chunk", profile: { malformedChunk: { rate: 1, afterTokens: 3 } } },
  { name: "silence", limits: IDLE_LIMIT, profile: { stallMidStream: { rate: 1, afterTokens: 3 } } },
];

describe("a fault after the first content", () => {
  test.each(afterContent)(
    "ends the stream and never splices: $name",
    async ({ profile, limits }) => {
      await start(limits);
      await configureEndpoint(router.fleetUrl, FIRST, profile);
      const seen: string[] = [];
      const stream = async () => {
        for await (const { event } of client.streamComplete({
          spec: specOf(MODEL),
          routing: preferFirst,
        })) {
          seen.push(event.case ?? "");
        }
      };
      const error = ConnectError.from(await stream().catch((thrown) => thrown));
      expect(error.code).toBe(Code.Unavailable);
      expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("STREAM_INTERRUPTED");
      expect(seen).toContain("content");
      expect(seen).not.toContain("routeSwitched");
    },
  );
});

describe("a request that no endpoint takes", () => {
  test.each([
    { name: "refused by the provider", profile: { badRequest: always }, reason: "REQUEST_REFUSED" },
    {
      name: "filtered by the provider",
      profile: { contentFilter: { rate: 1, where: "prompt" } },
      reason: "CONTENT_FILTERED",
    },
  ])("is not tried elsewhere: $name", async ({ profile, reason }) => {
    await start();
    await configureEndpoint(router.fleetUrl, FIRST, profile);
    const call = client.complete({ spec: specOf(MODEL), routing: preferFirst });
    const error = ConnectError.from(await call.catch((thrown) => thrown));
    expect(error.code).toBe(Code.InvalidArgument);
    const [info] = error.findDetails(ErrorInfoSchema);
    expect(info?.reason).toBe(reason);
    expect(info?.metadata["attempts"]).not.toContain(",");
  });

  test("that is wrong in many ways is told every one of them, with its path", async () => {
    await start();
    const call = client.complete({
      spec: { model: "", messages: [], sampling: { temperature: Number.NaN, topP: 7 } },
      routing: { maxAttempts: 99 },
      requestId: "no",
    });
    const error = ConnectError.from(await call.catch((thrown) => thrown));
    const fields = error
      .findDetails(BadRequestSchema)[0]
      ?.fieldViolations.map(({ field }) => field);
    expect(fields).toEqual(
      expect.arrayContaining([
        "spec.model",
        "spec.messages",
        "spec.sampling.temperature",
        "spec.sampling.top_p",
        "routing.max_attempts",
        "request_id",
      ]),
    );
  });
});

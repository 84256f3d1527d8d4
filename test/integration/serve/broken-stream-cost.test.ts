import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InsightService } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { readFixture } from "../../fixtures/upstream/read-fixture.ts";
import { specOf } from "../../support/router-client.ts";
import { type RunningRouter, startRouter } from "../../support/running-router.ts";
import { type Providers, startProviders } from "../telemetry/use-providers.ts";

/** What streams of Anthropic that break are billed, from their bytes to the sums of what was spent. */

const provenance = { source: "test", date: "2026-11-22" };

/** `message_start` counts 25 tokens of the prompt and 1 of output. */
const refused = String(readFixture("anthropic/error-before-content.sse"));
const cut = String(readFixture("anthropic/cut.sse"));
const [begun = "", failed = ""] = refused.split(/(?=event: error)/);
const thinking = {
  type: "content_block_start",
  index: 0,
  content_block: { type: "thinking", thinking: "", signature: "" },
};
const hidden = `${begun}data: ${JSON.stringify(thinking)}\n\n${failed}`;

const bodies: Readonly<Record<string, string>> = { refused, cut, hidden };

let providers: Providers;
let router: RunningRouter;

beforeAll(async () => {
  providers = await startProviders((provider) => (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end(bodies[provider]);
  });
  // JSON is YAML.
  router = await startRouter({ config: JSON.stringify(configOf(providers.url)) });
});

afterAll(async () => {
  await router.stop();
  await providers.close();
});

/** Model `test/<name>` of one provider each. */
function configOf(url: string): object {
  const each = (make: (name: string) => readonly [string, object]) =>
    Object.fromEntries(Object.keys(bodies).map(make));
  return {
    simulator: { mode: "off" },
    prober: { mode: "off" },
    catalog: {
      providers: each((name) => [
        name,
        {
          dialect: "anthropic-messages",
          baseUrl: `${url}/${name}`,
          auth: "none",
          ...provenance,
        },
      ]),
      models: each((name) => [
        `test/${name}`,
        {
          displayName: "Test",
          family: "test",
          contextLength: 128_000,
          maxOutputTokens: 16_384,
          openWeights: false,
          ...provenance,
        },
      ]),
      endpoints: each((name) => [
        `${name}/chat`,
        {
          model: `test/${name}`,
          provider: name,
          upstreamModel: "chat",
          price: { input: "1", output: "1000", ...provenance },
          ...provenance,
        },
      ]),
    },
  };
}

test.each([
  { name: "refused", what: "refused before anything was generated", nanoUsd: 0n, input: 0n },
  // The prompt as the provider counted it, and the one token that came.
  { name: "cut", what: "cut after some text", nanoUsd: 1_025_000n, input: 25n },
  // And the one token that the provider had told of: what it had hidden since is nowhere told.
  {
    name: "hidden",
    what: "cut while the model thought in silence",
    nanoUsd: 1_025_000n,
    input: 25n,
  },
])("a stream $what costs $nanoUsd nano-USD", async ({ name, nanoUsd, input }) => {
  const transport = createGrpcTransport({ baseUrl: router.grpcUrl });
  const stream = createClient(RouterService, transport).streamComplete({
    spec: specOf(`test/${name}`),
  });
  await expect(Array.fromAsync(stream)).rejects.toThrow();
  const { rows } = await createClient(InsightService, transport).getSpend({ groupBy: ["model"] });
  const sums = rows.find(({ values }) => values[0] === `test/${name}`)?.sums;
  expect(sums?.failedCallCount).toBe(1n);
  expect(sums?.cost?.totalNanoUsd).toBe(nanoUsd);
  expect(sums?.usage?.freshInputTokens ?? 0n).toBe(input);
});

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { runAtlas } from "../../../src/cli/program.ts";
import { createNatsServer, type NatsServer } from "../../support/nats-process.ts";
import { describeOnNewestNats } from "../../support/nats-server.ts";
import { specOf } from "../../support/router-client.ts";
import { until } from "../../support/until.ts";
import { createMemoryWorld } from "../../unit/cli/memory-world.ts";
import { ways } from "./traced-call.ts";
import {
  type AtlasProcess,
  catalogOf,
  providersOf,
  serveAtlas,
  type TestModel,
} from "./use-atlas.ts";
import { answering, failing, type Reply, startProviders } from "./use-providers.ts";

const canaries = {
  "the key of a provider": "sk-canary-key-5f1d7a0e9b",
  "the secret of the collector": "canary-otlp-c3a9915d",
  "the caller's own credential": "canary-caller-8d21f0",
  "a prompt": "canary-prompt-91c2",
  "an answer": "canary-answer-77aa",
  "an end user": "canary-user-03de",
  "the key of a label": "canary-label-5b20",
  "the value of a label": "canary-worth-e6c4",
};

const KEY = canaries["the key of a provider"];
const OTLP_SECRET = canaries["the secret of the collector"];
const PROMPT = canaries["a prompt"];
const ANSWER = canaries["an answer"];
const LABEL = canaries["the key of a label"];
const LABELLED = canaries["the value of a label"];

const echo = { error: { message: `bad ${KEY}: ${PROMPT} ${ANSWER}`, type: PROMPT, code: ANSWER } };

const raw =
  (type: string, body: string): Reply =>
  (response) =>
    response.writeHead(200, { "content-type": type }).end(body);

const json = "application/json";
const events = "text/event-stream";
const delta = JSON.stringify({ choices: [{ index: 0, delta: { content: ANSWER } }] });

/** Every way in which a provider may bring them in. */
const replies: readonly Reply[] = [
  answering(ANSWER),
  ...[400, 401, 404, 429, 500, 503].map((status) => failing(status, echo)),
  raw(json, JSON.stringify({ choices: [{ message: { content: ANSWER } }] }).slice(0, -9)),
  raw(json, JSON.stringify({ [PROMPT]: KEY })),
  raw(events, `data: ${PROMPT} ${ANSWER} ${KEY}\n\n`),
  raw(events, `data: ${delta}\n\n`),
  raw(events, `data: ${delta}\n\ndata: ${JSON.stringify(echo)}\n\ndata: [DONE]\n\n`),
];

/** Each reply alone, and with another provider to fall back to. */
const models: readonly TestModel[] = replies.flatMap((_, at) => [
  { name: `alone${at}`, providers: 1 },
  { name: `helped${at}`, providers: 2 },
]);

function replyOf(provider: string): Reply {
  const [, at = "0", letter = "b"] = /(\d+)-(.)$/.exec(provider) ?? [];
  return (letter === "a" ? replies[Number(at)] : undefined) ?? answering(ANSWER);
}

/** Keeps what it is sent as it came, and in the end refuses it with the secret that it was told. */
async function startCollector() {
  const bodies: Buffer[] = [];
  const told: string[] = [];
  let refuses = false;
  const server = createServer((request, response) => {
    buffer(request).then((body) => {
      bodies.push(body);
      const authorization = request.headers.authorization ?? "";
      told.push(authorization);
      response.writeHead(refuses ? 401 : 200).end(refuses ? `not with ${authorization}` : "");
    }, response.destroy);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    bodies: () => Buffer.concat(bodies).toString("latin1"),
    told,
    refuse() {
      refuses = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Everything that is published on a server, with its subject and headers. */
async function listenTo(natsUrl: string) {
  const connection = await connect({ servers: natsUrl });
  const heard: string[] = [];
  connection.subscribe(">", {
    callback(_, { subject, headers, data }) {
      heard.push(`${subject}\n${headers ?? ""}\n${Buffer.from(data).toString("latin1")}`);
    },
  });
  await connection.flush();
  return { heard: () => heard.join("\n"), close: () => connection.close() };
}

/** Unary and streamed, by either listener, and refused ones. */
async function callInEveryWay(router: AtlasProcess): Promise<void> {
  const headers = { authorization: `Bearer ${canaries["the caller's own credential"]}` };
  const labels = { [LABEL]: LABELLED };
  const caller = { application: "tests", endUserHash: canaries["an end user"], labels };
  const longLabels = { [LABEL.repeat(20)]: LABELLED, [LABEL]: LABELLED.repeat(100) };
  const clients = [ways.gRPC(router), ways.Connect(router)].map((transport) =>
    createClient(RouterService, transport),
  );
  const calls = models.flatMap((model, at) => {
    const client = clients[at % 2];
    const spec = specOf(`test/${model.name}`, PROMPT);
    const request = { spec, caller, routing: { providerOrder: [...providersOf(model)] } };
    return [
      client?.complete(request, { headers }),
      drained(client?.streamComplete(request, { headers })),
      client?.complete({ ...request, routing: { onlyProviders: ["nobody"] } }, { headers }),
      client?.complete({ ...request, requestId: PROMPT }, { headers }),
      client?.complete({ ...request, caller: { ...caller, labels: longLabels } }, { headers }),
      client?.complete(request, { headers, timeoutMs: 1 }),
      client?.route(request, { headers }),
    ];
  });
  await Promise.allSettled(calls);
}

async function drained(stream: AsyncIterable<unknown> | undefined): Promise<void> {
  for await (const _ of stream ?? []) {
    // Only its end matters.
  }
}

async function printed(router: AtlasProcess, ...words: readonly string[]): Promise<string> {
  const world = createMemoryWorld({ columns: 100 });
  await runAtlas(world, [...words, "--server", router.grpcUrl.replace("http://", "")]);
  return world.out();
}

async function tracesOf(router: AtlasProcess): Promise<string> {
  const listed = await printed(router, "trace", "--json", "--limit", "500");
  const { calls } = JSON.parse(listed) as { readonly calls: readonly { readonly id: string }[] };
  const shown = await Promise.all(
    calls.flatMap(({ id }) => [
      printed(router, "trace", id),
      printed(router, "trace", id, "--json"),
    ]),
  );
  return [listed, ...shown].join("\n");
}

async function pageOf(router: AtlasProcess, accept: string): Promise<string> {
  const response = await fetch(`${router.httpUrl}/metrics`, { headers: { accept } });
  return await response.text();
}

/** Where they may not be, with a word that shows that something was looked at. */
const places = {
  "spans and metrics for the collector": [
    "atlas.complete",
    "atlas.attempts",
    "process atlas.health",
  ],
  "/metrics": ["atlas_attempts_total", "# EOF"],
  "the log of the router": ["call ended", "call failed", "malformed-response", "telemetry is not"],
  "the log of the scorer": ['"level":"info"', "took a lease"],
  "what is published on NATS": ["atlas.health.v1", "traceparent", "$KV"],
  "atlas trace": ["alone3", '"errorMessage"'],
  "atlas spend": ["alone0", '"totalNanoUsd"'],
} as const;

type Place = keyof typeof places;

/** Labels are for records of calls and of their cost; who asks what a label spent names it. */
const allowed: Readonly<Partial<Record<Place, readonly string[]>>> = {
  "atlas trace": [LABEL, LABELLED],
  "atlas spend": [LABELLED],
};

await describeOnNewestNats("in success and in every failure", (binary) => {
  let nats: NatsServer;
  let found: Readonly<Record<Place, string>>;
  let collector: Awaited<ReturnType<typeof startCollector>>;

  beforeAll(async () => {
    collector = await startCollector();
    const providers = await startProviders(replyOf);
    nats = await createNatsServer(binary);
    await nats.start();
    const bus = await listenTo(nats.url);
    const serve = (name: string) =>
      serveAtlas({
        name,
        words: ["--role", name, "--nats", nats.url, "--log-level", "debug"],
        config: {
          ...catalogOf(providers.url, models, "bearer"),
          providers: Object.fromEntries(
            models.flatMap(providersOf).map((id) => [id, { apiKey: KEY }]),
          ),
          telemetry: { traces: { ratio: 1 } },
          retry: { budgetReservePerSecond: 1_000 },
        },
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${OTLP_SECRET}`,
          OTEL_BSP_SCHEDULE_DELAY: "100",
          OTEL_METRIC_EXPORT_INTERVAL: "500",
        },
      });
    const [router, scorer] = await Promise.all([serve("router"), serve("scorer")]);
    await callInEveryWay(router);
    const isTold = () =>
      places["spans and metrics for the collector"].every((word) =>
        collector.bodies().includes(word),
      );
    await until(isTold).catch(() => undefined);
    const pages = [
      await pageOf(router, "text/plain"),
      await pageOf(router, "application/openmetrics-text"),
    ];
    const traces = await tracesOf(router);
    const spend = [
      await printed(router, "spend", "--json", "--by", "application,model,endpoint"),
      await printed(router, "spend", "--json", "--by", `model,label:${LABEL}`),
    ].join("\n");
    collector.refuse();
    await callInEveryWay(router);
    const exports = collector.told.length;
    await until(() => collector.told.length > exports + 2);
    await Promise.all([router.kill("SIGTERM"), scorer.kill("SIGTERM")]);
    found = {
      "spans and metrics for the collector": collector.bodies(),
      "/metrics": pages.join("\n"),
      "the log of the router": router.output(),
      "the log of the scorer": scorer.output(),
      "what is published on NATS": bus.heard(),
      "atlas trace": traces,
      "atlas spend": spend,
    };
    await bus.close();
    await providers.close();
  }, 60_000);

  afterAll(async () => {
    await collector.close();
    await nats.dispose();
  });

  test("the collector is told its secret, and nobody else is", () => {
    expect(new Set(collector.told)).toEqual(new Set([`Bearer ${OTLP_SECRET}`]));
  });

  const looks = (Object.keys(places) as Place[]).flatMap((place) =>
    Object.entries(canaries).map(([what, canary]) => ({ place, what, canary })),
  );
  const isAllowed = ({ place, canary }: (typeof looks)[number]) =>
    allowed[place]?.includes(canary) === true;

  test.each(looks.filter(isAllowed))("$what is in $place", ({ place, canary }) => {
    expect(found[place]).toContain(canary);
  });

  test.each(looks.filter((look) => !isAllowed(look)))("$what is not in $place", (look) => {
    const { place, canary } = look;
    const at = found[place].indexOf(canary);
    expect(at === -1 ? "" : found[place].slice(Math.max(0, at - 200), at + 100)).toBe("");
  });

  test.each(Object.entries(places))("there is something to look at in %s", (place, words) => {
    const text = found[place as Place];
    expect(words.filter((word) => !text.includes(word))).toEqual([]);
  });
});

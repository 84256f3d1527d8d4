/**
 * `npm run demo:cluster`: three routers, two scorers and a nats-server on this machine, with everything that
 * "More than one machine" in README promises tried out and checked. Ends with 1 when a check fails.
 */
import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { CompletionSpecSchema, Role } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { Tier } from "../../gen/atlas/v1/types_pb.ts";
import { startCluster } from "./cluster-processes.ts";
import { MODEL } from "./simulated-providers.ts";

const transportOf = (router: string) => createGrpcTransport({ baseUrl: cluster.addressOf(router) });
const routerOf = (name: string) => createClient(RouterService, transportOf(name));
const catalogOf = (name: string) => createClient(CatalogService, transportOf(name));
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const percent = (share: number) => `${Math.round(100 * share)} %`;
const indent = (text: string) => text.replaceAll(/^/gm, "    ");
const print = (line: string) => process.stdout.write(`${line}\n`);

const cluster = await startCluster(print);
try {
  await showTraffic();
  await showSlowEndpoint();
  await showFaults();
  print("\nEverything held.");
} catch (error) {
  print(`\nFAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await cluster.close();
}

async function showTraffic(): Promise<void> {
  print("\nTraffic through router A alone ...");
  for (let round = 0; round < 15; round += 1) {
    await callMany("A", 8);
  }
  const took = await until(10_000, async () => {
    const [one, ...others] = await Promise.all(["A", "B", "C"].map(pageOf));
    return one !== undefined && counted(one) >= 120 && others.every((page) => page === one);
  });
  print(`  all three show the same page ${seconds(took)} after the last call:`);
  print(indent(await pageOf("C")));
}

async function showSlowEndpoint(): Promise<void> {
  // The tail of a filled window moves only when every twentieth call of it was slow.
  print("\nA fuller window ...");
  for (let round = 0; round < 30; round += 1) {
    await callMany("A", 30);
  }
  const calls = await until(10_000, async () => counted(await pageOf("C")) >= 1_020);
  print(`  C knows of ${counted(await pageOf("C"))} calls ${seconds(calls)} after the last`);
  print(`Share of alpha/chat on A, B, C: ${await shares()}`);
  print("alpha/chat is made slow: its first token takes 1.5 s ...");
  await cluster.makeSlow("alpha", 1_500);
  const load = startLoad("A");
  try {
    await load.slowAnswer;
    const took = await until(5_000, async () =>
      (await Promise.all(["A", "B", "C"].map(firstPlaces))).every(
        (ids) => !ids.includes("alpha/chat"),
      ),
    );
    print(
      `  it has left the first places on all three ${seconds(took)} after its first slow answer`,
    );
    print(`  share of alpha/chat on A, B, C: ${await shares()}`);
  } finally {
    load.stop();
  }
}

/** Sixty calls a second until told to stop. `slowAnswer` resolves with the first, and rejects when a call fails. */
function startLoad(router: string) {
  const client = routerOf(router);
  const { promise: slowAnswer, resolve, reject } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const startedMs = performance.now();
    call(client).then(() => performance.now() - startedMs > 1_000 && resolve(), reject);
  }, 16);
  return { slowAnswer, stop: () => clearInterval(timer) };
}

async function showFaults(): Promise<void> {
  for (const { name, strike, mend } of cluster.faults) {
    print(`\n${name} ...`);
    await strike();
    const failed = await callMany("B", 30);
    print(`  ${30 - failed} of 30 calls answered meanwhile`);
    check(failed === 0, `${failed} calls failed`);
    await mend();
    await callMany("B", 5);
    const total = counted(await pageOf("B"));
    const took = await until(30_000, async () => {
      const pages = await Promise.all(["B", "C"].map(pageOf));
      return pages.every((page) => page === pages[0] && counted(page) > total);
    });
    print(`  B and C show new figures, and the same, ${seconds(took)} after it ended`);
  }
}

/** How many failed. */
async function callMany(router: string, calls: number): Promise<number> {
  const client = routerOf(router);
  const results = await Promise.allSettled(Array.from({ length: calls }, () => call(client)));
  return results.filter(({ status }) => status === "rejected").length;
}

async function call(client: ReturnType<typeof routerOf>): Promise<void> {
  const spec = specOf("echo: one two three four five six seven eight");
  for await (const _ of client.streamComplete({ spec })) {
    // Only the end matters.
  }
}

function specOf(text: string) {
  return create(CompletionSpecSchema, {
    model: MODEL,
    messages: [{ role: Role.USER, parts: [{ part: { case: "text", value: text } }] }],
  });
}

/** What the model's page says of each endpoint, without what differs by the moment it is read. */
async function pageOf(router: string): Promise<string> {
  const { endpoints } = await catalogOf(router).getModel({ id: MODEL });
  return endpoints
    .map(({ id, stats }) => {
      const { latencyMsP50, latencyMsP95, outputTokensPerSecondP50, success, sampleCount } =
        stats ?? {};
      const figures = [latencyMsP50, latencyMsP95, outputTokensPerSecondP50, success].map(
        (value) => (value === undefined ? "—" : value.toFixed(2)),
      );
      return `${id.padEnd(12)} calls ${sampleCount ?? 0n}  first token ${figures[0]} / ${figures[1]} ms  ${figures[2]} tok/s  success ${figures[3]}`;
    })
    .join("\n");
}

function counted(page: string): number {
  return [...page.matchAll(/calls (\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

async function routeOf(router: string) {
  return await routerOf(router).route({
    spec: specOf("hello"),
    routing: { tier: Tier.REALTIME },
  });
}

async function shares(): Promise<string> {
  const routes = await Promise.all(["A", "B", "C"].map(routeOf));
  return routes
    .map(({ candidates }) => candidates.find(({ endpoint }) => endpoint === "alpha/chat"))
    .map((candidate) => percent(candidate?.share ?? 0))
    .join(", ");
}

/** Endpoints with more than a tenth of an even share. */
async function firstPlaces(router: string): Promise<readonly string[]> {
  const { candidates } = await routeOf(router);
  return candidates
    .filter(({ share }) => share > 0.1 / candidates.length)
    .map(({ endpoint }) => endpoint);
}

/** Milliseconds until it held; rejects when it does not within `timeoutMs`. */
async function until(timeoutMs: number, holds: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  while (!(await holds())) {
    check(performance.now() - startedMs < timeoutMs, `did not hold within ${seconds(timeoutMs)}`);
    await delay(200);
  }
  return performance.now() - startedMs;
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) {
    throw new Error(otherwise);
  }
}

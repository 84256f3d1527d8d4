/**
 * A router's part of telling the others what it learns, without the router: 1,000 endpoints that all have
 * attempts, for some seconds. Started by a bench case with the URL of a nats-server; says `share` and the
 * CPU time that it used in percent of a core.
 */
import { TURN_MS } from "../../src/health/delta-backlog.ts";
import { createReporter } from "../../src/health/reporter.ts";
import { connectNatsBus } from "../../src/nats/nats-bus.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { observationOf } from "./fleet.ts";

const ENDPOINTS = 1_000;
const ATTEMPTS_OF_A_TURN = (ENDPOINTS * TURN_MS) / 1_000;

const [, , server = "", seconds = "5", warmUpSeconds = "3"] = process.argv;
const nowMs = () => performance.timeOrigin + performance.now();
const world = {
  nowMs,
  random: Math.random,
  log: () => {},
  schedule(delayMs: number, task: () => void) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
const bus = connectNatsBus({ ...world, servers: [server], name: "bench" });
const reporter = createReporter({
  ...world,
  reports: bus.reports,
  producer: "router-1",
  boot: 12_345_678_901_234_567_890n,
  modelOf: () => "acme/one",
});
const endpoints = Array.from({ length: ENDPOINTS }, (_, index) =>
  exampleEndpoint(`provider-${index}/one`),
);
let observed = 0;

function observeSome(): void {
  for (let left = ATTEMPTS_OF_A_TURN; left > 0; left -= 1) {
    const endpoint = endpoints[observed % ENDPOINTS];
    if (endpoint !== undefined) {
      reporter.observe(observationOf(endpoint, nowMs(), observed));
    }
    observed += 1;
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const load = setInterval(observeSome, TURN_MS);
await sleep(Number(warmUpSeconds) * 1_000);
const { published } = reporter.stats();
const startedMs = performance.now();
const before = process.cpuUsage();
await sleep(Number(seconds) * 1_000);
const { user, system } = process.cpuUsage(before);
const elapsedMs = performance.now() - startedMs;
const stats = reporter.stats();
const result = {
  percentOfCore: (user + system) / 10 / elapsedMs,
  systemPercentOfCore: system / 10 / elapsedMs,
  reportsPerSecond: ((stats.published - published) * 1_000) / elapsedMs,
  unconfirmed: stats.unconfirmed,
};
clearInterval(load);
await reporter.close();
await bus.close();
process.stdout.write(`share ${JSON.stringify(result)}\n`);

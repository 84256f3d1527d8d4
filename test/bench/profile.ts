/**
 * Where the time of a server goes under load: our own functions by the time spent in themselves,
 * and with what they call.
 *
 * Run: node test/bench/profile.ts [unary | burst | paced] [--subject "bare proxy"] [--seconds 8]
 */
import { parseArgs } from "node:util";
import { placement } from "./bench-process.ts";
import { STREAM_PATH, UNARY_PATH } from "./grpc-client.ts";
import { type CpuProfile, openInspector } from "./inspector.ts";
import { BARE_PROXY, createLab, freePort, models, ROUTER } from "./lab.ts";
import { streamBody, unaryBody } from "./request-bodies.ts";

const WARM_UP_SECONDS = 8;
const SHOWN = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    subject: { type: "string", default: "router" },
    seconds: { type: "string", default: "8" },
  },
});

const print = (line: string) => process.stdout.write(`${line}\n`);
const seconds = Number(values.seconds);
const subject = values.subject === "router" ? ROUTER : BARE_PROXY;
const loads = {
  unary: { path: UNARY_PATH, body: unaryBody(`bench/${models.unary}`), streams: 25 },
  burst: { path: STREAM_PATH, body: streamBody(`bench/${models.burst}`, "never"), streams: 25 },
  paced: { path: STREAM_PATH, body: streamBody(`bench/${models.paced}`, "never"), streams: 100 },
};

/** Time in microseconds by what `keyOf` calls the place. */
function selfTimes(profile: CpuProfile, keyOf: (name: string, url: string) => string | undefined) {
  const keys = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      keyOf(functionName || "(anonymous)", url === "" ? "" : `${url}:${lineNumber + 1}`),
    ]),
  );
  const times = new Map<string, number>();
  for (const [index, node] of profile.samples.entries()) {
    const key = keys.get(node);
    if (key !== undefined) {
      times.set(key, (times.get(key) ?? 0) + (profile.timeDeltas[index] ?? 0));
    }
  }
  return [...times].sort(([, left], [, right]) => right - left);
}

/** Time in microseconds in our functions and all that they call; recursion counts once. */
function totalTimes({ nodes, samples, timeDeltas }: CpuProfile) {
  const callerOf = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const keyOf = new Map(nodes.map(({ id, callFrame }) => [id, ownKeyOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [index, node] of samples.entries()) {
    const onStack = new Set<string>();
    for (let id: number | undefined = node; id !== undefined; id = callerOf.get(id)) {
      onStack.add(keyOf.get(id) ?? "");
    }
    onStack.delete("");
    for (const key of onStack) {
      times.set(key, (times.get(key) ?? 0) + (timeDeltas[index] ?? 0));
    }
  }
  return [...times].sort(([, left], [, right]) => right - left);
}

function ownKeyOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]) {
  const path = ownPath(url);
  return path && `${functionName || "(anonymous)"} ${path}:${lineNumber + 1}`;
}

/** Folder of ours, package, or module of Node. */
function placeOf(name: string, url: string): string {
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (library !== undefined) {
    return library;
  }
  const own = ownPath(url)?.split("/").slice(0, 2).join("/");
  return own ?? (/^node:[^:]+/.exec(url)?.[0] || name);
}

function ownPath(url: string): string | undefined {
  return url.includes("node_modules") ? undefined : /\/((?:src|gen|test)\/.*)$/.exec(url)?.[1];
}

function printShares(title: string, times: readonly (readonly [string, number])[], total: number) {
  print(`\n${title}`);
  for (const [key, microseconds] of times.slice(0, SHOWN)) {
    print(`${((100 * microseconds) / total).toFixed(2).padStart(6)} %  ${key}`);
  }
}

const lab = createLab({ starts: 1, pairs: 1, seconds, warn: print });
try {
  const name = positionals[0] ?? "unary";
  const { path, body, streams } = loads[name as keyof typeof loads];
  const port = await freePort();
  const { address } = await lab.startFresh(subject, [`--inspect=127.0.0.1:${port}`]);
  const load = { address, path, body, connections: 4, streamsPerConnection: streams };
  await lab.load.run({ ...load, warmUpSeconds: 0, seconds: WARM_UP_SECONDS });
  const inspector = await openInspector(port);
  const running = lab.load.run({ ...load, warmUpSeconds: 0, seconds });
  await inspector.startProfile();
  await new Promise((resolve) => setTimeout(resolve, (seconds - 1) * 1_000));
  const profile = await inspector.stopProfile();
  inspector.close();
  const { answered } = await running;
  const total = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0);
  print(`${subject.kind}, ${name}: ${Math.round(answered / seconds)} calls/s while profiled`);
  print(placement());
  printShares("self time by place", selfTimes(profile, placeOf), total);
  const own = selfTimes(profile, (fn, url) => (ownPath(url) ? `${fn} ${ownPath(url)}` : undefined));
  printShares("self time of our functions", own, total);
  printShares("time of our functions with all that they call", totalTimes(profile), total);
} finally {
  await lab.close();
}

/**
 * What an open stream costs that waits for its next token. The server is asked to collect its garbage
 * before and after the streams open, by way of its debugger; what the kernel keeps for the sockets is
 * not in the figures.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchCase } from "./bench-case.ts";
import { type BenchProcess, startProcess } from "./bench-process.ts";
import { STREAM_PATH } from "./grpc-client.ts";
import { type Inspector, openInspector } from "./inspector.ts";
import {
  BARE_PROXY,
  freePort,
  type Lab,
  models,
  ROUTER,
  type Subject,
  type SubjectPlan,
} from "./lab.ts";
import { streamBody } from "./request-bodies.ts";
import { round } from "./statistics.ts";

const TARGET_KILOBYTES = 100;
const SETTLE_MS = 1_500;
const loadClient = new URL("load-client.ts", import.meta.url).pathname;

type Shape = { readonly connections: number; readonly streamsPerConnection: number };

/** Compiles the path, and lets the heap find its size. */
const warmUpShape: Shape = { connections: 100, streamsPerConnection: 1 };

type Memory = {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
};

function memoryCase(name: string, shape: Shape, target: number | undefined): BenchCase {
  return {
    name,
    async run(lab) {
      const baseline = await measure(lab, BARE_PROXY, shape);
      const router = await measure(lab, ROUTER, shape);
      return {
        figures: {
          unit: "KB for each open idle stream",
          streams: shape.connections * shape.streamsPerConnection,
          clientConnections: shape.connections,
          baselineResidentKilobytes: baseline.residentBytes,
          routerResidentKilobytes: router.residentBytes,
          routerHeapKilobytes: router.heapBytes,
          routerBuffersKilobytes: router.externalBytes,
          baselineHeapKilobytes: baseline.heapBytes,
          ratio: round(router.residentBytes / baseline.residentBytes, 3),
        },
        checks: [
          {
            what: `idle stream of the router, ${shape.streamsPerConnection} on a connection`,
            value: router.residentBytes,
            unit: "KB",
            ...(target === undefined ? {} : { target: { most: target } }),
          },
          {
            what: `idle stream of the bare proxy, ${shape.streamsPerConnection} on a connection`,
            value: baseline.residentBytes,
            unit: "KB",
          },
        ],
      };
    },
  };
}

/** In kilobytes for each stream. */
async function measure(lab: Lab, plan: SubjectPlan, shape: Shape): Promise<Memory> {
  const port = await freePort();
  const subject = await lab.startFresh(plan, [`--inspect=127.0.0.1:${port}`]);
  const inspector = await openInspector(port);
  try {
    await (await openStreams(lab, subject, warmUpShape)).stop();
    const before = await settledMemory(subject, inspector);
    const client = await openStreams(lab, subject, shape);
    const after = await settledMemory(subject, inspector);
    await client.stop();
    const kilobytes = (key: keyof Memory) =>
      round(
        (after[key] - before[key]) / 1_024 / (shape.connections * shape.streamsPerConnection),
        1,
      );
    return {
      residentBytes: kilobytes("residentBytes"),
      heapBytes: kilobytes("heapBytes"),
      externalBytes: kilobytes("externalBytes"),
    };
  } finally {
    inspector.close();
    await subject.process.stop();
  }
}

async function settledMemory(subject: Subject, inspector: Inspector): Promise<Memory> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await inspector.collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const residentBytes = subject.process.residentBytes();
  if (residentBytes === undefined) {
    throw new Error("there is no /proc to read a process's memory from");
  }
  return { residentBytes, ...(await inspector.memory()) };
}

/** Resolves once every stream has brought content. */
async function openStreams(lab: Lab, subject: Subject, shape: Shape): Promise<BenchProcess> {
  const bodyFile = join(lab.folder, "idle.bin");
  writeFileSync(bodyFile, streamBody(`bench/${models.idle}`));
  const task = {
    kind: "idle-streams",
    address: subject.address,
    path: STREAM_PATH,
    bodyFile,
    ...shape,
  };
  return startProcess({
    command: process.execPath,
    arguments: [loadClient, JSON.stringify(task)],
    place: "load",
    readyWord: "open",
  });
}

export const memoryCases: readonly BenchCase[] = [
  // Both its sockets belong to it: the caller's and the provider's.
  memoryCase(
    "memory-idle-stream",
    { connections: 1_000, streamsPerConnection: 1 },
    TARGET_KILOBYTES,
  ),
  memoryCase(
    "memory-idle-stream-shared",
    { connections: 10, streamsPerConnection: 100 },
    undefined,
  ),
];

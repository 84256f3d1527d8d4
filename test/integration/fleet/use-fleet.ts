import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, vi } from "vitest";
import { CatalogService, type EndpointStats } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { type RouterClient, routerClient, specOf } from "../../support/router-client.ts";
import { type RunningRouter, startRouter } from "../../support/running-router.ts";

export const MODEL = "openai/gpt-4o-mini";

export type Member = RunningRouter & {
  readonly name: string;
  readonly client: RouterClient;
  readonly catalog: Client<typeof CatalogService>;
  readonly scoring: Client<typeof ScoringService>;
  readiness(): Promise<Readiness>;
};

export type Readiness = {
  readonly status: number;
  readonly ready: boolean;
  readonly degraded: boolean;
  readonly bus: string;
  readonly scoreAgeMs?: number;
  readonly scorePosition?: string;
  readonly scoreHash?: string;
  readonly scoresVerified?: boolean;
  readonly scorer?: {
    readonly leader: boolean;
    readonly caughtUp: boolean;
    readonly missingMs: number;
    readonly lostReports: number;
  };
};

export type MemberSettings = {
  readonly name: string;
  readonly role: "router" | "scorer";
  readonly natsUrl: string;
  /** Keys of `bus.nats` beside its servers, as in YAML's flow style. */
  readonly login?: string;
  /** Further lines of the configuration. */
  readonly more?: string;
  /** Default: none, and scores are kept nowhere. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Answers fast and is never probed, so that every figure comes from a call of the test. */
export function configOf({ name, role, natsUrl, login = "", more = "" }: MemberSettings): string {
  return [
    "simulator: { timeScale: 0 }",
    "prober: { mode: off }",
    `role: ${role}`,
    `replica: ${name}`,
    `bus: { nats: { servers: ["${natsUrl}"]${login} } }`,
    more,
  ].join("\n");
}

/** A process of the fleet, within this one. Ends with the test, if it has not before. */
export async function startMember(settings: MemberSettings): Promise<Member> {
  const member = await openMember(settings);
  onTestFinished(member.stop);
  return member;
}

async function openMember(settings: MemberSettings): Promise<Member> {
  const { env = {} } = settings;
  const running = await startRouter({ config: configOf(settings), env });
  const transport = createGrpcTransport({ baseUrl: running.grpcUrl });
  let ended: Promise<void> | undefined;
  const stop = () => {
    ended ??= running.stop();
    return ended;
  };
  return {
    ...running,
    stop,
    name: settings.name,
    client: routerClient(running.grpcUrl),
    catalog: createClient(CatalogService, transport),
    scoring: createClient(ScoringService, transport),
    readiness: () => readinessOf(running.httpUrl),
  };
}

export async function startMembers(
  role: MemberSettings["role"],
  names: readonly string[],
  natsUrl: string,
): Promise<readonly Member[]> {
  const members = await Promise.all(names.map((name) => openMember({ name, role, natsUrl })));
  onTestFinished(async () => {
    await Promise.all(members.map(({ stop }) => stop()));
  });
  return members;
}

async function readinessOf(httpUrl: string): Promise<Readiness> {
  const response = await fetch(`${httpUrl}/readyz`);
  return { ...((await response.json()) as Omit<Readiness, "status">), status: response.status };
}

export async function callMany(member: Member, calls: number): Promise<void> {
  await Promise.all(
    Array.from({ length: calls }, () => member.client.complete({ spec: specOf(MODEL) })),
  );
}

/** Figures of each endpoint of the model, as a caller of GetModel reads them, without those that move by time. */
export async function pageOf({ catalog }: Member) {
  const { endpoints } = await catalog.getModel({ id: MODEL });
  return endpoints.map(({ id, stats }) => {
    const { uptime: _, ...figures } = timeless(stats) ?? {};
    return { id, ...figures };
  });
}

/** Each process tells the window's end by its own clock. */
function timeless(stats: EndpointStats | undefined) {
  if (stats === undefined) {
    return undefined;
  }
  const { windowEndTime: _, ...rest } = stats;
  return rest;
}

type Page = Awaited<ReturnType<typeof pageOf>>;

/** Calls that the page counts. */
export function countedOn(page: Page): number {
  return page.reduce((sum, { sampleCount }) => sum + Number(sampleCount ?? 0n), 0);
}

/** Scores as this process holds them, without the number it gave to its own snapshot. */
async function scoresOf({ scoring }: Member) {
  const { snapshot } = await scoring.getScores({});
  return snapshot?.scores.map((score) => ({ ...score, stats: timeless(score.stats) })) ?? [];
}

/** What the scores amount to, and where the stream stood when they were made. */
async function hashOf(member: Member) {
  const { scorePosition, scoreHash, scoresVerified } = await member.readiness();
  return { scorePosition, scoreHash, scoresVerified };
}

/** All of them hold equal scores, which are of so many calls, and say so by equal hashes. */
export async function expectEqualScores(members: readonly Member[], calls: number): Promise<void> {
  const [ofFirst, ...ofOthers] = await Promise.all(members.map(hashOf));
  expect(ofFirst?.scoreHash).toMatch(/^[0-9a-f]{64}$/);
  expect(ofFirst?.scoresVerified).toBe(true);
  expect(ofOthers).toEqual(ofOthers.map(() => ofFirst));
  const [first, ...others] = await Promise.all(members.map(scoresOf));
  expect(others).toEqual(others.map(() => first));
  const pages = await Promise.all(members.map(pageOf));
  expect(pages.map(countedOn)).toEqual(pages.map(() => calls));
}

/** Milliseconds until the assertions of `holds` passed; rejects with what failed last. */
export async function held(timeoutMs: number, holds: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await vi.waitFor(holds, { timeout: timeoutMs, interval: 50 });
  return performance.now() - startedMs;
}

/** The scorer that publishes, and the others. */
export async function leaderOf(scorers: readonly Member[]): Promise<[Member, readonly Member[]]> {
  const led = await Promise.all(
    scorers.map(async (scorer) => (await scorer.readiness()).scorer?.leader === true),
  );
  const leaders = scorers.filter((_, index) => led[index]);
  const [leader] = leaders;
  if (leader === undefined || leaders.length > 1) {
    throw new Error(`${leaders.length} scorers lead`);
  }
  return [leader, scorers.filter((scorer) => scorer !== leader)];
}

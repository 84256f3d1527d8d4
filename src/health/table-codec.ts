import {
  type ModelScores,
  ModelScoresSchema,
  type Percentiles,
  type Position,
  PublishedVersionSchema,
  type OutsideClaim as WireClaim,
  type EndpointFigures as WireFigures,
  type PublishedVersion as WireVersion,
} from "../../gen/atlas/events/v1/score_table_pb.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type {
  EndpointFigures,
  ModelScoreTable,
  OutsideClaim,
  PercentileFigures,
  PublishedVersion,
  ScorePosition,
} from "../domain/health.ts";
import { createMessageDecoder } from "../wire/message-decoder.ts";
import { createMessageEncoder } from "../wire/message-encoder.ts";
import {
  cutReason,
  MAX_ID,
  nameProblem,
  outsideStateOf,
  readMessage,
  stateNumbers,
  type Undecodable,
  wholeOf,
} from "./wire-checks.ts";

/** Room for 10,000 endpoints of one model, thrice. */
export const MAX_TABLE_BYTES = 4_194_304;

const SHA256_BYTES = 32;
const WINDOW_MINUTES = 30;
const MAX_PUBLISHER = 256;

/** Some hundred microseconds of work. */
const PART_ENDPOINTS = 64;

const NO_BYTES = new Uint8Array();

const encodeScores = createMessageEncoder(ModelScoresSchema);
const decodeScores = createMessageDecoder(ModelScoresSchema);
const encodePublished = createMessageEncoder(PublishedVersionSchema);
const decodePublished = createMessageDecoder(PublishedVersionSchema);

/** Equal tables have equal bytes. Every number is whole and within 0 and 2^53 - 1. */
export function encodeTable(table: ModelScoreTable): Uint8Array {
  const parts = encodeInParts(table);
  for (;;) {
    const { done, value } = parts.next();
    if (done === true) {
      return value;
    }
  }
}

/**
 * As `encodeTable`, with a pause after every 64 endpoints: messages that follow each other are one message
 * to whoever reads them, and have the bytes of one whose fields are in the same order.
 */
export function* encodeInParts(table: ModelScoreTable): Generator<void, Uint8Array> {
  const { model, endpoints } = table;
  const parts = [encodePart({ position: encodePosition(table.position), model })];
  for (let from = 0; from < endpoints.length; from += PART_ENDPOINTS) {
    const part = endpoints.slice(from, from + PART_ENDPOINTS);
    parts.push(encodePart({ endpoints: part.map(encodeFigures) }));
    yield;
  }
  parts.push(encodePart({ stateSha256: ownedBytes(table.stateSha256) }));
  return Buffer.concat(parts);
}

function encodePart(fields: Partial<Omit<ModelScores, "$typeName">>): Buffer {
  const message: ModelScores = {
    $typeName: "atlas.events.v1.ModelScores",
    model: "",
    endpoints: [],
    stateSha256: NO_BYTES,
    ...fields,
  };
  return encodeScores(message);
}

/** Never throws. */
export function decodeTable(bytes: Uint8Array): ModelScoreTable | Undecodable {
  if (bytes.length > MAX_TABLE_BYTES) {
    return { problem: "larger than 4 MB" };
  }
  // The decoder was made of the descriptor of this type.
  const message = readMessage(decodeScores, bytes) as ModelScores | undefined;
  if (message === undefined) {
    return { problem: "not ModelScores" };
  }
  const { model, stateSha256 } = message;
  const position = decodePosition(message.position);
  if (position === undefined) {
    return { problem: "position is missing or negative" };
  }
  const problem =
    nameProblem("model", model, { least: 1, most: MAX_ID }) ?? shaProblem(stateSha256);
  if (problem !== undefined) {
    return { problem };
  }
  const endpoints = decodeEndpoints(message.endpoints);
  return typeof endpoints === "string"
    ? { problem: endpoints }
    : { position, model, endpoints, stateSha256: ownedBytes(stateSha256) };
}

export function encodeVersion(version: PublishedVersion): Uint8Array {
  const message: WireVersion = {
    $typeName: "atlas.events.v1.PublishedVersion",
    position: encodePosition(version.position),
    modelCount: version.modelCount,
    stateSha256: ownedBytes(version.stateSha256),
    publisher: version.publisher,
  };
  return encodePublished(message);
}

/** Never throws. */
export function decodeVersion(bytes: Uint8Array): PublishedVersion | Undecodable {
  // The decoder was made of the descriptor of this type.
  const message = readMessage(decodePublished, bytes) as WireVersion | undefined;
  if (message === undefined) {
    return { problem: "not a PublishedVersion" };
  }
  const { modelCount, stateSha256, publisher } = message;
  const position = decodePosition(message.position);
  if (position === undefined) {
    return { problem: "position is missing or negative" };
  }
  const problem =
    nameProblem("publisher", publisher, { least: 0, most: MAX_PUBLISHER }) ??
    shaProblem(stateSha256) ??
    (modelCount < 0 ? "model_count is negative" : undefined);
  return problem === undefined
    ? { position, modelCount, stateSha256: ownedBytes(stateSha256), publisher }
    : { problem };
}

function encodePosition(position: ScorePosition): Position {
  return {
    $typeName: "atlas.events.v1.Position",
    algorithmVersion: position.algorithmVersion,
    streamEpoch: BigInt(position.streamEpoch),
    asOfSequence: BigInt(position.asOfSequence),
    asOfUnixMs: BigInt(position.asOfMs),
  };
}

function decodePosition(position: Position | undefined): ScorePosition | undefined {
  if (position === undefined || position.algorithmVersion < 1) {
    return undefined;
  }
  const streamEpoch = wholeOf(position.streamEpoch);
  const asOfSequence = wholeOf(position.asOfSequence);
  const asOfMs = wholeOf(position.asOfUnixMs);
  return streamEpoch === undefined || asOfSequence === undefined || asOfMs === undefined
    ? undefined
    : { algorithmVersion: position.algorithmVersion, streamEpoch, asOfSequence, asOfMs };
}

function encodeFigures(figures: EndpointFigures): WireFigures {
  return {
    $typeName: "atlas.events.v1.EndpointFigures",
    endpoint: figures.endpoint,
    successes: BigInt(figures.successes),
    failures: BigInt(figures.failures),
    rateLimited: BigInt(figures.rateLimited),
    firstTokenMs: encodePercentiles(figures.firstTokenMs),
    tokensPerSecond: encodePercentiles(figures.tokensPerSecond),
    durationMs: encodePercentiles(figures.durationMs),
    goodMinutes: figures.goodMinutes,
    observedMinutes: figures.observedMinutes,
    recentSuccesses: BigInt(figures.recentSuccesses),
    recentFailures: BigInt(figures.recentFailures),
    recentFirstTokens: BigInt(figures.recentFirstTokens),
    ...(figures.recentFirstTokenMicro === undefined
      ? {}
      : { recentFirstTokenMicro: BigInt(figures.recentFirstTokenMicro) }),
    ...(figures.outside === undefined ? {} : { outside: encodeClaim(figures.outside) }),
  };
}

function encodePercentiles({ count, p5Micro, p50Micro, p95Micro }: PercentileFigures): Percentiles {
  return {
    $typeName: "atlas.events.v1.Percentiles",
    count: BigInt(count),
    ...(p5Micro === undefined ? {} : { p5Micro: BigInt(p5Micro) }),
    ...(p50Micro === undefined ? {} : { p50Micro: BigInt(p50Micro) }),
    ...(p95Micro === undefined ? {} : { p95Micro: BigInt(p95Micro) }),
  };
}

function encodeClaim({ state, reason, untilMs }: OutsideClaim): WireClaim {
  return {
    $typeName: "atlas.events.v1.OutsideClaim",
    state: stateNumbers[state],
    reason,
    untilUnixMs: BigInt(untilMs),
  };
}

function decodeEndpoints(messages: readonly WireFigures[]): readonly EndpointFigures[] | string {
  const endpoints: EndpointFigures[] = [];
  let last = "";
  for (const message of messages) {
    const { endpoint } = message;
    const problem = nameProblem("endpoint", endpoint, { least: 1, most: MAX_ID });
    if (problem !== undefined) {
      return problem;
    }
    if (endpoint <= last) {
      return "endpoints do not ascend";
    }
    last = endpoint;
    const figures = decodeFigures(message);
    if (figures === undefined) {
      return "an endpoint's figures are out of range";
    }
    endpoints.push(figures);
  }
  return endpoints;
}

function decodeFigures(message: WireFigures): EndpointFigures | undefined {
  const { goodMinutes, observedMinutes } = message;
  const counts = decodeCounts(message);
  const percentiles = decodeAllPercentiles(message);
  const areMinutes =
    goodMinutes >= 0 && goodMinutes <= observedMinutes && observedMinutes <= WINDOW_MINUTES;
  const recentFirstTokens = wholeOf(message.recentFirstTokens);
  const recentFirstTokenMicro = optionalWhole(message.recentFirstTokenMicro);
  const isRecent = recentFirstTokens !== undefined && !Number.isNaN(recentFirstTokenMicro);
  const outside = message.outside === undefined ? undefined : decodeClaim(message.outside);
  const isWhole = (message.outside === undefined) === (outside === undefined);
  return counts === undefined || percentiles === undefined || !areMinutes || !isRecent || !isWhole
    ? undefined
    : {
        // Any text of its length may name an endpoint; only the catalogue says which do.
        endpoint: message.endpoint as EndpointId,
        ...counts,
        ...percentiles,
        goodMinutes,
        observedMinutes,
        recentFirstTokens,
        recentFirstTokenMicro,
        outside,
      };
}

type Counts = Pick<
  EndpointFigures,
  "successes" | "failures" | "rateLimited" | "recentSuccesses" | "recentFailures"
>;

function decodeCounts(message: WireFigures): Counts | undefined {
  const successes = wholeOf(message.successes);
  const failures = wholeOf(message.failures);
  const rateLimited = wholeOf(message.rateLimited);
  const recentSuccesses = wholeOf(message.recentSuccesses);
  const recentFailures = wholeOf(message.recentFailures);
  return successes === undefined ||
    failures === undefined ||
    rateLimited === undefined ||
    recentSuccesses === undefined ||
    recentFailures === undefined
    ? undefined
    : { successes, failures, rateLimited, recentSuccesses, recentFailures };
}

type AllPercentiles = Pick<EndpointFigures, "firstTokenMs" | "tokensPerSecond" | "durationMs">;

function decodeAllPercentiles(message: WireFigures): AllPercentiles | undefined {
  const firstTokenMs = decodePercentiles(message.firstTokenMs);
  const tokensPerSecond = decodePercentiles(message.tokensPerSecond);
  const durationMs = decodePercentiles(message.durationMs);
  return firstTokenMs === undefined || tokensPerSecond === undefined || durationMs === undefined
    ? undefined
    : { firstTokenMs, tokensPerSecond, durationMs };
}

const NO_SAMPLES: PercentileFigures = {
  count: 0,
  p5Micro: undefined,
  p50Micro: undefined,
  p95Micro: undefined,
};

/** `undefined`: a number is out of range, or the percentiles do not ascend. */
function decodePercentiles(message: Percentiles | undefined): PercentileFigures | undefined {
  if (message === undefined) {
    return NO_SAMPLES;
  }
  const count = wholeOf(message.count);
  const p5Micro = optionalWhole(message.p5Micro);
  const p50Micro = optionalWhole(message.p50Micro);
  const p95Micro = optionalWhole(message.p95Micro);
  const low = p5Micro ?? 0;
  const middle = p50Micro ?? low;
  return count === undefined || !(low <= middle) || !(middle <= (p95Micro ?? middle))
    ? undefined
    : { count, p5Micro, p50Micro, p95Micro };
}

/** NaN, which is not within any order, for what is no whole number. */
function optionalWhole(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : (wholeOf(value) ?? Number.NaN);
}

function decodeClaim(message: WireClaim): OutsideClaim | undefined {
  const state = outsideStateOf(message.state);
  const untilMs = wholeOf(message.untilUnixMs);
  return state === undefined || untilMs === undefined
    ? undefined
    : { state, reason: cutReason(message.reason), untilMs };
}

function shaProblem({ length }: Uint8Array): string | undefined {
  return length === SHA256_BYTES ? undefined : "state_sha256 has not 32 bytes";
}

/** A copy, so that a hash does not keep the whole message it came in. */
function ownedBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

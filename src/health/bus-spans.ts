import type { OutgoingReport } from "../domain/bus.ts";
import { putAttribute, type SpanAttributesDraft } from "../domain/trace.ts";

/**
 * Spans of the way from an attempt to the scores: told to the bus, folded by a scorer, applied by the
 * router that told it. https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export const busSpans = {
  /** PRODUCER: from the first try of a report until the bus confirms it. */
  publish: "publish atlas.health.v1",
  /** CONSUMER: from when the stream stored it until it is folded. */
  process: "process atlas.health.v1",
  /** INTERNAL: from the confirmation until scores that know of it are applied. */
  apply: "atlas.scores.apply",
} as const;

export const busAttributes = {
  system: "messaging.system.name",
  operationName: "messaging.operation.name",
  /** `send` or `process`. */
  operationType: "messaging.operation.type",
  destination: "messaging.destination.name",
  destinationTemplate: "messaging.destination.template",
  messageId: "messaging.message.id",
  /** Bytes. */
  bodySize: "messaging.message.body.size",
  consumerGroup: "messaging.consumer.group.name",
  endpoint: "atlas.endpoint",
  /** Number that the producer gave to the report. */
  reportSequence: "atlas.report.sequence",
  /** What became of a report: a verdict of the fold, or `dead-letter`. */
  outcome: "atlas.report.outcome",
  /** Position of the report in the stream. */
  streamSequence: "atlas.stream.sequence",
  /** Position in the stream up to which the scores know it. */
  asOfSequence: "atlas.scores.as_of_sequence",
  /** Of the scores when they were applied, in seconds. */
  scoresAge: "atlas.scores.age",
  /** Number that this router gave to the scores. */
  scoreRevision: "atlas.score.revision",
} as const;

const SUBJECT = "atlas.health.v1";

const operationTypes = { publish: "send", process: "process" } as const;

/** What both sides say of a report; more may be put to it. `system` names the bus. */
export function messageAttributes(
  operation: keyof typeof operationTypes,
  system: string,
  { token, bytes }: Pick<OutgoingReport, "token" | "bytes">,
): SpanAttributesDraft {
  const attributes: SpanAttributesDraft = [];
  putAttribute(attributes, busAttributes.system, system);
  putAttribute(attributes, busAttributes.operationName, operation);
  putAttribute(attributes, busAttributes.operationType, operationTypes[operation]);
  putAttribute(attributes, busAttributes.destination, `${SUBJECT}.${token}`);
  putAttribute(attributes, busAttributes.destinationTemplate, `${SUBJECT}.*`);
  putAttribute(attributes, busAttributes.bodySize, bytes.length);
  return attributes;
}

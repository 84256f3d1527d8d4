import { toJson } from "@bufbuild/protobuf";
import { UsageSchema } from "../../gen/atlas/v1/types_pb.ts";
import type { ErrorDescription, ErrorItem } from "./describe-error.ts";
import { formatMs } from "./figures.ts";
import { formatUsage } from "./format-usage.ts";
import type { Paint } from "./paint.ts";
import { printableLine } from "./printable-text.ts";

/** A failed call for people: one line that says it all, then one line for each detail. */
export function renderError(error: ErrorDescription, paint: Paint): string {
  const reason = error.reason === "" || error.reason === error.code ? "" : ` (${error.reason})`;
  const head = `${paint.red("error:")} ${error.code}${reason}: ${printableLine(error.message)}`;
  const details = [
    ...error.violations.filter((item) => !saysItAll(error.message, item)).map(itemLine),
    ...error.preconditions.map(typedItemLine),
    ...error.quotas.map(itemLine),
    ...error.resources
      .filter(({ description }) => description !== error.message)
      .map(typedItemLine),
    ...Object.entries(error.metadata).map(([key, value]) => `${key}: ${value}`),
    ...(error.usage === undefined ? [] : [`counted until then: ${formatUsage(error.usage)}`]),
    ...(error.retryAfterMs === undefined ? [] : [`try again in ${formatMs(error.retryAfterMs)}`]),
  ];
  return `${[head, ...details.map((line) => `  ${printableLine(line)}`)].join("\n")}\n`;
}

/** The same as one line of JSON; what the server did not say is left out. */
export function renderErrorJson(error: ErrorDescription): string {
  const { violations, preconditions, quotas, resources, metadata } = error;
  return errorLine({
    code: error.code,
    ...(error.reason !== "" && { reason: error.reason }),
    message: error.message,
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(violations.length > 0 && {
      violations: violations.map(({ subject, description }) => ({ field: subject, description })),
    }),
    ...(preconditions.length > 0 && { preconditions }),
    ...(quotas.length > 0 && { quotas }),
    ...(resources.length > 0 && { resources }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    ...(error.usage !== undefined && { usage: toJson(UsageSchema, error.usage) }),
  });
}

/** Problems that never came from a server: a code of our own instead of a status. */
export type LocalErrorCode = "USAGE" | "UNREACHABLE" | "INTERRUPTED" | "INCOMPLETE" | "INTERNAL";

/** Further lines of the message stand indented below the first. */
export function renderLocalError(message: string, paint: Paint): string {
  const [head = "", ...details] = message.split("\n").map(printableLine);
  return `${[`${paint.red("error:")} ${head}`, ...details.map((line) => `  ${line}`)].join("\n")}\n`;
}

export function renderLocalErrorJson(code: LocalErrorCode, message: string): string {
  return errorLine({ code, message });
}

function errorLine(error: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ error })}\n`;
}

/** A request with one fault has it in its message, behind the name of its field. */
function saysItAll(message: string, { subject, description }: ErrorItem): boolean {
  return message === `${subject} ${description}`;
}

function itemLine({ subject, description }: ErrorItem): string {
  return description === "" ? subject : `${subject}: ${description}`;
}

function typedItemLine(item: ErrorItem & { readonly type: string }): string {
  const subject = item.type === "" ? item.subject : `${item.subject} (${item.type})`;
  return itemLine({ subject, description: item.description });
}

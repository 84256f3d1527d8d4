import type { RecordedCall } from "../../gen/atlas/v1/insight_service_pb.ts";
import { type Attempt, FailureKindSchema } from "../../gen/atlas/v1/types_pb.ts";
import { displayWidth, fitWidth } from "./display-width.ts";
import { wordOf } from "./enum-words.ts";
import { exactMs } from "./exact-time.ts";
import { formatMs } from "./figures.ts";
import { printableLine } from "./printable-text.ts";
import type { Layout } from "./text-table.ts";

/** Cells of a line where no terminal says how many it has. */
const DEFAULT_COLUMNS = 100;
const MAX_NAME_WIDTH = 36;
const MIN_BAR_WIDTH = 16;
const MAX_BAR_WIDTH = 80;
const GAP = "  ";

const marks = { wait: "░", answer: "█", failed: "▒" } as const;

/** A stretch of a bar, in milliseconds since the call was received. */
type Stretch = { readonly fromMs: number; readonly toMs: number; readonly mark: string };

type Line = {
  readonly name: string;
  readonly stretches: readonly Stretch[];
  readonly length: string;
  readonly outcome: string;
  readonly failed: boolean;
};

/**
 * One line for the plan and for each attempt, all on the same scale: when it began, how long it took,
 * how it ended. Empty when there is nothing to draw.
 */
export function formatWaterfall(call: RecordedCall, layout: Layout): string {
  const { receiveTime, timings } = call;
  if (receiveTime === undefined || timings?.total === undefined) {
    return "";
  }
  const zeroMs = exactMs(receiveTime);
  const totalMs = exactMs(timings.total);
  const plan = planLine(call, zeroMs);
  const lines = [
    ...(plan === undefined ? [] : [plan]),
    ...call.attempts.map((attempt) => attemptLine(attempt, zeroMs)),
  ];
  if (lines.length === 0) {
    return "";
  }
  const columns = layout.columns ?? DEFAULT_COLUMNS;
  const widths = widthsOf(lines, columns);
  const scale = `${"0".padEnd(Math.max(1, widths.bar - displayWidth(formatMs(totalMs))))}${formatMs(totalMs)}`;
  const legend = `${marks.wait} waiting for the first token  ${marks.answer} answer  ${marks.failed} given up`;
  const room = Math.max(0, columns - displayWidth(legend));
  return [
    layout.paint.dim(`${" ".repeat(widths.name)}${GAP}${scale}`),
    ...lines.map((line) => renderLine(line, { totalMs, widths, layout })),
    layout.paint.dim(`${" ".repeat(Math.min(widths.name + GAP.length, room))}${legend}`),
    "",
  ].join("\n");
}

function planLine({ timings, route }: RecordedCall, zeroMs: number): Line | undefined {
  if (timings?.plan === undefined || route?.decideTime === undefined) {
    return undefined;
  }
  const fromMs = exactMs(route.decideTime) - zeroMs;
  return {
    name: "plan",
    stretches: [{ fromMs, toMs: fromMs + exactMs(timings.plan), mark: marks.answer }],
    length: formatMs(exactMs(timings.plan)),
    outcome: "",
    failed: false,
  };
}

function attemptLine(attempt: Attempt, zeroMs: number): Line {
  const { number, endpoint, startTime, duration, firstToken, failure, httpStatus } = attempt;
  const fromMs = startTime === undefined ? 0 : exactMs(startTime) - zeroMs;
  const toMs = fromMs + exactMs(duration);
  const firstMs = firstToken === undefined ? toMs : fromMs + exactMs(firstToken);
  const failed = failure !== 0;
  const status = httpStatus === 0 ? "" : ` ${httpStatus}`;
  return {
    name: `${number} ${printableLine(endpoint)}`,
    stretches: failed
      ? [{ fromMs, toMs, mark: marks.failed }]
      : [
          { fromMs, toMs: firstMs, mark: marks.wait },
          { fromMs: firstMs, toMs, mark: marks.answer },
        ],
    length: formatMs(exactMs(duration)),
    outcome: failed ? `${wordOf(FailureKindSchema, failure)}${status}` : "ok",
    failed,
  };
}

type Widths = { readonly name: number; readonly bar: number; readonly length: number };

/** The bar takes what names, lengths and outcomes leave of the line. */
function widthsOf(lines: readonly Line[], columns: number): Widths {
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(displayWidth));
  const length = widest(lines.map((line) => line.length));
  const outcome = widest(lines.map((line) => line.outcome));
  const taken = length + outcome + 3 * GAP.length;
  const longest = widest(lines.map(({ name }) => name));
  const name = Math.min(
    longest,
    Math.max(8, Math.min(MAX_NAME_WIDTH, columns - taken - MIN_BAR_WIDTH)),
  );
  const bar = Math.min(MAX_BAR_WIDTH, Math.max(MIN_BAR_WIDTH, columns - taken - name));
  return { name, bar, length };
}

type Drawing = { readonly totalMs: number; readonly widths: Widths; readonly layout: Layout };

function renderLine(line: Line, { totalMs, widths, layout }: Drawing): string {
  const name = fitWidth(line.name, widths.name);
  const bar = barOf(line.stretches, totalMs, widths.bar);
  const text = [
    name + " ".repeat(widths.name - displayWidth(name)),
    bar,
    line.length.padStart(widths.length),
    line.outcome,
  ]
    .join(GAP)
    .trimEnd();
  return line.failed ? layout.paint.red(text) : text;
}

/** Whatever took place is at least one cell wide, and nothing reaches beyond the end. */
function barOf(stretches: readonly Stretch[], totalMs: number, width: number): string {
  const cells = Array<string>(width).fill(" ");
  const cellAt = (ms: number) => (totalMs <= 0 ? 0 : Math.round((ms / totalMs) * width));
  for (const { fromMs, toMs, mark } of stretches.filter(
    (stretch) => stretch.toMs > stretch.fromMs,
  )) {
    const from = Math.min(width - 1, Math.max(0, cellAt(fromMs)));
    const to = Math.min(width, Math.max(from + 1, cellAt(toMs)));
    cells.fill(mark, from, to);
  }
  return cells.join("");
}

import type { Endpoint, Model } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { ABSENT, formatCount, formatNanoUsd, formatNumberOf } from "./figures.ts";
import { type Column, type Layout, renderTable } from "./text-table.ts";

export type ListedModel = {
  readonly model: Model;
  /** Absent when they could not be asked for, as of a model that was withdrawn meanwhile. */
  readonly endpoints: readonly Endpoint[] | undefined;
};

const columns: readonly Column[] = [
  { title: "model", flexible: true },
  { title: "intelligence", align: "right" },
  { title: "endpoints", align: "right" },
  { title: "from in $/1M", align: "right" },
  { title: "context", align: "right" },
];

/** One line for each model and their number. */
export function formatModelList(models: readonly ListedModel[], layout: Layout): string {
  if (models.length === 0) {
    return "No model matches.\n";
  }
  const rows = models.map(({ model, endpoints }) => [
    model.id,
    model.intelligence?.score.toFixed(1) ?? ABSENT,
    endpoints === undefined ? ABSENT : formatCount(endpoints.length),
    formatNanoUsd(lowestPrice(endpoints ?? [])),
    model.contextLength > 0 ? formatCount(model.contextLength) : ABSENT,
  ]);
  return `${renderTable(columns, rows, layout)}\n${formatNumberOf(models.length, "model")}\n`;
}

function lowestPrice(endpoints: readonly Endpoint[]): bigint | undefined {
  const prices = endpoints.flatMap(({ pricing }) => pricing?.inputNanoUsdPerMtok ?? []);
  return prices.length === 0
    ? undefined
    : prices.reduce((low, price) => (price < low ? price : low));
}

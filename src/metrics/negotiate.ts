import type { Exposition } from "./exposition.ts";

type Range = { readonly type: string; readonly quality: number };

/**
 * The format a scraper likes best, by its header `Accept`; the older one when it does not care.
 *
 * OpenMetrics has to be named: browsers and old scrapers take everything and do not know it.
 */
export function expositionFor(accept: string | undefined): Exposition {
  const ranges = (accept ?? "").split(",").map(rangeOf);
  const openmetrics = qualityOf(ranges, ["application/openmetrics-text"]);
  const prometheus = qualityOf(ranges, ["text/plain", "text/*", "*/*"]);
  return openmetrics > 0 && openmetrics >= prometheus ? "openmetrics" : "prometheus";
}

/** Of the most telling range that is there. */
function qualityOf(ranges: readonly Range[], types: readonly string[]): number {
  for (const type of types) {
    const qualities = ranges.filter((range) => range.type === type).map(({ quality }) => quality);
    if (qualities.length > 0) {
      return Math.max(...qualities);
    }
  }
  return 0;
}

const QUALITY = /^q\s*=\s*([01](?:\.\d{0,3})?)$/;

function rangeOf(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const quality = parameters.map((parameter) => QUALITY.exec(parameter)?.[1]).find(Boolean);
  return { type, quality: quality === undefined ? 1 : Math.min(1, Number(quality)) };
}

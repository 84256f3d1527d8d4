import type { Lab } from "./lab.ts";

/** What a case found. One line of JSON. */
export type Figures = Readonly<Record<string, number | string | undefined>>;

export type Check = {
  /** For people: `calls/s, router : bare proxy`. */
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Absent: the figure is for information. */
  readonly target?: { readonly least: number } | { readonly most: number };
  /** Why the figure proves neither a pass nor a miss. Absent: it does. */
  readonly doubt?: string;
};

export type CaseResult = {
  readonly figures: Figures;
  readonly checks: readonly Check[];
};

/** Rejects when it cannot run. */
export type BenchCase = {
  readonly name: string;
  run(lab: Lab): Promise<CaseResult>;
};

export function passes({ value, target }: Check): boolean {
  if (target === undefined) {
    return true;
  }
  return "least" in target ? value >= target.least : value <= target.most;
}

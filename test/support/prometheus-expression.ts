/** What an expression of PromQL names. */
export type ExpressionNames = {
  readonly metrics: readonly string[];
  /** In matchers: with the metric they narrow. */
  readonly matched: readonly { readonly metric: string; readonly label: string }[];
  /** In `by`, `on` and the like. */
  readonly grouped: readonly string[];
};

const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[A-Za-z_:][\w:]*|=~|!~|!=|[{}(),=]|\S/g;
const NAME = /^[A-Za-z_:]/;
const GROUPING = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const OPERATORS = new Set(["and", "or", "unless", "bool", "offset"]);

type Place = "matchers" | "grouping" | undefined;

/** Enough of PromQL for the expressions of this repository. */
export function namesIn(expression: string): ExpressionNames {
  const tokens = expression.match(TOKEN) ?? [];
  const metrics: string[] = [];
  const matched: { metric: string; label: string }[] = [];
  const grouped: string[] = [];
  let place: Place;
  tokens.forEach((token, index) => {
    place = placeAfter(place, token, tokens[index - 1]);
    if (!NAME.test(token)) {
      return;
    }
    if (place === "matchers") {
      matched.push({ metric: metrics.at(-1) ?? "", label: token });
    } else if (place === "grouping") {
      grouped.push(token);
    } else if (isMetric(token, tokens[index + 1])) {
      metrics.push(token);
    }
  });
  return { metrics, matched, grouped };
}

function placeAfter(place: Place, token: string, before = ""): Place {
  switch (token) {
    case "{":
      return "matchers";
    case "(":
      return GROUPING.has(before) ? "grouping" : place;
    case "}":
    case ")":
      return undefined;
    default:
      return place;
  }
}

function isMetric(token: string, next = ""): boolean {
  // The last is an aggregation with its labels first: `sum by (x) (...)`.
  return next !== "(" && !GROUPING.has(token) && !OPERATORS.has(token) && !GROUPING.has(next);
}

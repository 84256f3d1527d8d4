const words = [
  "The ",
  "router ",
  "picks ",
  "an ",
  "endpoint, ",
  "calls ",
  "it ",
  "and ",
  "says ",
  "why. ",
];

/** The answer that every party of a bench expects, token by token. */
export function tokensOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => words[index % words.length] ?? "");
}

export function answerText(tokens: number): string {
  return tokensOf(tokens).join("");
}

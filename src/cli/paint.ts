import type { Output } from "./cli-world.ts";

/** Emphasis for people. Gives the text back as it is where colour is not wanted. */
export type Paint = {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
};

const plain: Paint = { bold: (text) => text, dim: (text) => text, red: (text) => text };

// ECMA-48 "select graphic rendition": each pair switches on, and off only what it switched on.
const colourful: Paint = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  red: (text) => `\u001b[31m${text}\u001b[39m`,
};

/** Whether colour is wanted: on a terminal, unless `NO_COLOR` is set and not empty (no-color.org). */
export function wantsColour(
  output: Pick<Output, "isTerminal">,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return output.isTerminal && (env["NO_COLOR"] ?? "") === "";
}

export function createPaint(colour: boolean): Paint {
  return colour ? colourful : plain;
}

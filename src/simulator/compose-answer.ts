/**
 * What the simulated model says.
 *
 * The last user message directs it, so that a test can ask for what it needs: text after `echo:` is
 * repeated exactly; a tool's name, or the word "tool", makes it call tools; "parallel" makes that two
 * calls. A tool result is quoted, a response format is filled, and everything else gets pseudo prose.
 * The same prompt and random sequence give the same answer.
 */
import type { Answer, Finish, ToolCall } from "./completion.ts";
import { jsonFromSchema } from "./json-from-schema.ts";
import type { Quantiles } from "./profile.ts";
import type { Prompt, Tool } from "./prompt.ts";
import { drawId, drawLogNormal, type Random } from "./random.ts";
import { cutTokens, splitTokens, writeTokens } from "./token-text.ts";

const ECHO = "echo:";

/** `outputTokens` is the length where the prompt dictates none. */
export function composeAnswer(prompt: Prompt, outputTokens: Quantiles, random: Random): Answer {
  const reasoning = writeTokens(random, Math.min(prompt.reasoningTokens, prompt.maxTokens));
  const budget = prompt.maxTokens - reasoning.length;
  const tools = toolsToCall(prompt);
  if (tools.length > 0) {
    return { ...callTools(tools, budget, random), reasoning, text: [], stopSequence: undefined };
  }
  const whole = writeText(prompt, outputTokens, random);
  return { ...limitText(whole, budget, prompt.stops), reasoning, toolCalls: [] };
}

function toolsToCall(prompt: Prompt): readonly Tool[] {
  const { tools, toolChoice, lastUserText } = prompt;
  const eligible =
    toolChoice.kind === "named" ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  const [first, second] = byMention(eligible, lastUserText);
  if (first === undefined || !wantsTools(prompt)) {
    return [];
  }
  const isParallel = prompt.parallelTools && /\bparallel\b/i.test(lastUserText);
  return isParallel ? [first, second ?? first] : [first];
}

function wantsTools({ toolChoice, toolResult, lastUserText, tools }: Prompt): boolean {
  if (toolChoice.kind === "none") {
    return false;
  }
  if (toolChoice.kind !== "auto") {
    return true;
  }
  const isAsked =
    /\btools?\b/i.test(lastUserText) || tools.some(({ name }) => lastUserText.includes(name));
  return isAsked && toolResult === undefined && !lastUserText.startsWith(ECHO);
}

/** Tools named in the text come first. */
function byMention(tools: readonly Tool[], text: string): readonly Tool[] {
  const isNamed = ({ name }: Tool) => text.includes(name);
  return [...tools.filter(isNamed), ...tools.filter((tool) => !isNamed(tool))];
}

/** A call that the budget cuts ends in the middle of its arguments, as real ones do. */
function callTools(
  tools: readonly Tool[],
  budget: number,
  random: Random,
): Pick<Answer, "toolCalls" | "finish"> {
  const toolCalls: ToolCall[] = [];
  let remaining = budget;
  for (const { name, parameters } of tools) {
    const all =
      parameters === undefined
        ? writeTokens(random, 8)
        : splitTokens(JSON.stringify(jsonFromSchema({ type: "object", ...parameters }, random)));
    const argumentTokens = all.slice(0, Math.max(0, remaining));
    const isFreeText = parameters === undefined;
    toolCalls.push({ id: drawId(random, 24), name, argumentTokens, isFreeText });
    remaining -= all.length;
    if (remaining < 0) {
      return { toolCalls, finish: "length" };
    }
  }
  return { toolCalls, finish: "tool-calls" };
}

function writeText(prompt: Prompt, outputTokens: Quantiles, random: Random): readonly string[] {
  const { lastUserText, toolResult, format } = prompt;
  if (toolResult !== undefined) {
    return splitTokens(`The tool returned "${toolResult}".`);
  }
  if (lastUserText.startsWith(ECHO)) {
    return splitTokens(lastUserText.slice(ECHO.length));
  }
  if (format.kind === "schema") {
    return splitTokens(JSON.stringify(jsonFromSchema(format.schema, random)));
  }
  if (format.kind === "json") {
    return splitTokens(JSON.stringify({ answer: writeTokens(random, 6).join("") }));
  }
  return writeTokens(random, Math.max(1, Math.round(drawLogNormal(random, outputTokens))));
}

function limitText(
  whole: readonly string[],
  budget: number,
  stops: readonly string[],
): Pick<Answer, "text" | "finish" | "stopSequence"> {
  const kept = whole.slice(0, Math.max(0, budget));
  const stop = findStop(kept, stops);
  if (stop !== undefined) {
    return { text: cutTokens(kept, stop.at), finish: "stop", stopSequence: stop.sequence };
  }
  const finish: Finish = kept.length < whole.length ? "length" : "stop";
  return { text: kept, finish, stopSequence: undefined };
}

function findStop(
  tokens: readonly string[],
  stops: readonly string[],
): { readonly at: number; readonly sequence: string } | undefined {
  if (stops.length === 0) {
    return undefined;
  }
  const text = tokens.join("");
  return stops
    .map((sequence) => ({ at: text.indexOf(sequence), sequence }))
    .filter(({ at }) => at >= 0)
    .sort((left, right) => left.at - right.at)[0];
}

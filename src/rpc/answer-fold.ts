import { type Answer, createAnswer } from "../domain/answer.ts";
import type { CallEvent } from "../domain/call.ts";

export type AnswerFold = {
  take(event: CallEvent): void;
  readonly choices: Answer["choices"];
};

/** Folds a call's events; a given-up attempt leaves nothing behind. */
export function createAnswerFold(): AnswerFold {
  let answer = createAnswer();
  return {
    take(event) {
      switch (event.kind) {
        case "route-switched":
          answer = createAnswer();
          break;
        case "started":
        case "heartbeat":
          break;
        default:
          answer.take(event);
      }
    },
    choices: () => answer.choices(),
  };
}

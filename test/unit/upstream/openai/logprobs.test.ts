import { describe, expect, it } from "vitest";
import { decodeLogprobs } from "../../../../src/upstream/openai/logprobs.ts";

describe("decodeLogprobs()", () => {
  it("keeps the tokens with their alternatives", () => {
    const token = { token: "a", logprob: -1, bytes: [97] };
    const decoded = { token: "a", logprob: -1, utf8: Uint8Array.of(97) };
    expect(
      decodeLogprobs({ content: [{ ...token, top_logprobs: [token, { token: 3 }] }] }),
    ).toEqual([{ ...decoded, alternatives: [decoded] }]);
  });

  it("holds probabilities at 0 and leaves out bytes that are none", () => {
    expect(decodeLogprobs({ content: [{ token: "a", logprob: 1e-7, bytes: [300] }] })).toEqual([
      { token: "a", logprob: 0, utf8: undefined, alternatives: [] },
    ]);
  });

  it.each([
    [null],
    [undefined],
    [{}],
    [{ content: null }],
    [{ content: [] }],
    [{ content: [null, {}] }],
  ])("says nothing of %j", (value) => {
    expect(decodeLogprobs(value)).toBeUndefined();
  });
});

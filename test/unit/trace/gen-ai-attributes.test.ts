import { expect, test } from "vitest";
import { genAiAttributes } from "../../../src/trace/gen-ai-attributes.ts";

test("the table of the GenAI conventions holds their keys alone", () => {
  const keys = Object.values(genAiAttributes).map(({ key }) => key);
  expect(keys).not.toHaveLength(0);
  expect(keys.filter((key) => !key.startsWith("gen_ai."))).toEqual([]);
});

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ModelSchema } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { formatModelList } from "../../../src/cli/format-model-list.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { gpt4oMiniPage, llama4ScoutPage } from "./model-page-fixture.ts";

const layout = { columns: undefined, paint: createPaint(false) };

describe("formatModelList()", () => {
  it("shows the lowest price, and dashes for what is not known", () => {
    const scout = llama4ScoutPage();
    const mini = gpt4oMiniPage();
    const text = formatModelList(
      [
        { model: create(ModelSchema, { id: "a/gone" }), endpoints: undefined },
        { model: scout.model ?? create(ModelSchema), endpoints: scout.endpoints.toReversed() },
        { model: mini.model ?? create(ModelSchema), endpoints: mini.endpoints },
      ],
      layout,
    );
    expect(text).toBe(
      `model                     intelligence  endpoints  from in $/1M  context
a/gone                               —          —             —        —
meta-llama/llama-4-scout          54.5          4          0.08        —
openai/gpt-4o-mini                66.6          3          0.15  128,000

3 models
`,
    );
  });

  it("says that nothing matches", () => {
    expect(formatModelList([], layout)).toBe("No model matches.\n");
  });
});

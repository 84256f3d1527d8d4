import { describe, expect, expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { Config } from "../../../src/config/config.ts";
import { configSchema } from "../../../src/config/config-schema.ts";

describe("Config", () => {
  test("is what the schema gives", () => {
    expectTypeOf<z.output<typeof configSchema>>().toExtend<Config>();
    const config: Config = configSchema.parse({});
    expect(Object.keys(config).toSorted()).toEqual(Object.keys(configSchema.shape).toSorted());
  });

  test("cannot be written to", () => {
    // @ts-expect-error configuration is replaced, never changed.
    const write = (config: Config) => (config.timeouts.idleMs = 1);
    expect(write).toBeTypeOf("function");
  });
});

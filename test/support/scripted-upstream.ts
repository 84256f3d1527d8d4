import type { Outcome } from "../../src/domain/outcome.ts";
import type { Upstream, UpstreamCall } from "../../src/domain/ports.ts";
import type { StreamEvent } from "../../src/domain/stream-event.ts";

export type Script = {
  readonly emits?: readonly StreamEvent[];
  /** `"never"` is an adapter that ignores the signal; an error is one that rejects. */
  readonly ends: Outcome | Error | "never";
};

export type ScriptedUpstream = {
  readonly upstream: Upstream;
  /** Every call in order, with the signal it was given. */
  readonly calls: readonly UpstreamCall[];
};

/** Replays a script per endpoint id. An endpoint without one is a defect and ends as such. */
export function scriptedUpstream(scripts: Readonly<Record<string, Script>>): ScriptedUpstream {
  const calls: UpstreamCall[] = [];
  return {
    calls,
    async upstream(call) {
      calls.push(call);
      const id: string = call.endpoint.id;
      const { emits = [], ends } = scripts[id] ?? { ends: new Error(`no script: ${id}`) };
      for (const event of emits) {
        call.emit(event);
      }
      if (ends === "never") {
        return new Promise<never>(() => undefined);
      }
      if (ends instanceof Error) {
        throw ends;
      }
      return ends;
    },
  };
}

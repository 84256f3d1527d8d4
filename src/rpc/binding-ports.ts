import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import type { CallTracker } from "./call-tracker.ts";
import type { ListenerLimits } from "./listener-options.ts";
import type { RpcTeller } from "./open-rpc.ts";

/** What binds the handlers to a transport, whichever it is. */
export type BindingPorts = {
  readonly errorDomain: string;
  readonly limits: ListenerLimits;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  readonly tracker: CallTracker;
  readonly rpcs: RpcTeller;
};

import type { RpcEnd, RpcSink } from "../domain/ports.ts";
import { isServerFault } from "../domain/rpc-status.ts";
import { spanSlots } from "../domain/trace.ts";
import type { Registry } from "./registry.ts";
import { type HistogramSeries, markOf, observe } from "./series.ts";

/** Series by status. */
type Method = Map<string, HistogramSeries>;

/** Times every RPC of every service. `methods` are those that the services have. */
export function createRpcRecorder(registry: Registry, methods: readonly string[]): RpcSink {
  const duration = registry.histogram("rpcDuration");
  const systems = { grpc: protocolOf(methods), connectrpc: protocolOf(methods) };

  function seriesOf({ system, method, status }: RpcEnd): HistogramSeries {
    const { served, other } = systems[system];
    const byStatus = served.get(method) ?? other;
    let series = byStatus.get(status);
    if (series === undefined) {
      series = duration.of(system, method, status, isServerFault(status) ? status : "");
      byStatus.set(status, series);
    }
    return series;
  }

  return (end) => {
    const { trace, receivedAtMs, endedAtMs } = end;
    const mark = markOf(trace, spanSlots.rpc, endedAtMs);
    observe(seriesOf(end), (endedAtMs - receivedAtMs) / 1_000, mark);
  };
}

/** Made whole at once: what callers ask for adds nothing. */
function protocolOf(methods: readonly string[]) {
  const served = new Map<string, Method>(methods.map((method) => [method, new Map()]));
  const other: Method = new Map();
  return { served, other };
}

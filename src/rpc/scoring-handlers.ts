import {
  type PublishHealthRequest,
  ScoringService,
  type EndpointScore as WireScore,
  type ScoreSnapshot as WireSnapshot,
} from "../../gen/atlas/v1/scoring_service_pb.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import { RouterError } from "../domain/router-error.ts";
import type { ScoreSnapshot } from "../domain/score.ts";
import { timestampFromMs } from "../wire/wire-time.ts";
import { decodeHealthSignal } from "./decode-health-signal.ts";
import { encodeStats } from "./encode-catalog.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { defineService, type RpcService } from "./rpc-service.ts";
import type { SharedHealth } from "./shared-health.ts";
import { sharedStanding } from "./standing.ts";
import { createViolations, type Violations } from "./violations.ts";
import { watch } from "./watch-loop.ts";

export type ScoringPorts = Pick<HandlerPorts, "catalog" | "scores" | "nowMs" | "schedule"> & {
  readonly health: SharedHealth;
};

export function createScoringService(ports: ScoringPorts): RpcService {
  const { scores, nowMs, schedule, health } = ports;
  const encode = createSnapshotEncoder(health);
  return defineService(
    ScoringService,
    {
      async getScores({ endpoints }) {
        return {
          $typeName: "atlas.v1.GetScoresResponse",
          snapshot: encode(scores(), new Set(endpoints)),
        };
      },

      async watchScores({ endpoints }, context, write) {
        const wanted = new Set(endpoints);
        let sent: number | undefined;
        await watch({
          context,
          nowMs,
          schedule,
          onChange: health.onScores,
          send() {
            const snapshot = scores();
            if (snapshot.revision === sent || context.isBehind()) {
              return false;
            }
            sent = snapshot.revision;
            write({
              $typeName: "atlas.v1.WatchScoresResponse",
              snapshot: encode(snapshot, wanted),
            });
            return true;
          },
        });
      },

      async publishHealth(request) {
        publishHealth(request, ports);
        return { $typeName: "atlas.v1.PublishHealthResponse" };
      },
    },
    { endless: ["watchScores"] },
  );
}

type SnapshotEncoder = (snapshot: ScoreSnapshot, wanted: ReadonlySet<string>) => WireSnapshot;

/** All watchers of a snapshot share the work. An empty set wants every endpoint. */
function createSnapshotEncoder({ algorithmVersion, outside }: SharedHealth): SnapshotEncoder {
  const encoded = new WeakMap<ScoreSnapshot, readonly WireScore[]>();

  function scoresOf(snapshot: ScoreSnapshot): readonly WireScore[] {
    const { scores, windowEndMs } = snapshot;
    return [...scores]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([endpoint, score]) => ({
        $typeName: "atlas.v1.EndpointScore",
        endpoint,
        stats: encodeStats(score, windowEndMs),
        ...sharedStanding(score, outside(endpoint)),
        recentSuccesses: BigInt(score.recent.successes),
        recentFailures: BigInt(score.recent.failures),
        recentFirstTokenMs: score.recent.firstTokenMs,
      }));
  }

  return (snapshot, wanted) => {
    const all = encoded.get(snapshot) ?? scoresOf(snapshot);
    encoded.set(snapshot, all);
    return {
      $typeName: "atlas.v1.ScoreSnapshot",
      revision: BigInt(snapshot.revision),
      algorithmVersion,
      windowEndTime: snapshot.windowEndMs === 0 ? undefined : timestampFromMs(snapshot.windowEndMs),
      scores: all.filter(({ endpoint }) => wanted.size === 0 || wanted.has(endpoint)),
    };
  };
}

const MAX_ENDPOINT_CHARS = 256;
const SOURCE = /^[\w.:@/-]{1,64}$/;

/** Throws with every violation at once; an endpoint that nobody knows comes after them. */
function publishHealth(request: PublishHealthRequest, { catalog, health }: ScoringPorts): void {
  const { endpoint: id, source } = request;
  const violations = createViolations();
  checkNames(request, violations);
  const signal = decodeHealthSignal(request.signal, violations);
  if (signal === undefined || violations.found.length > 0) {
    const [first] = violations.found;
    throw new RouterError("invalid-request", `${first?.field} ${first?.description}`, {
      violations: violations.found,
    });
  }
  const endpoint = catalog().endpoint(id as EndpointId);
  if (endpoint === undefined) {
    throw new RouterError("endpoint-not-found", `The catalogue has no endpoint ${id}.`, {
      metadata: { endpoint: id },
    });
  }
  const isSilent = signal.kind === "state" && signal.reason === "";
  health.publish(
    endpoint.id,
    isSilent ? { ...signal, reason: `told by ${source}` } : signal,
    source,
  );
}

function checkNames({ endpoint, source }: PublishHealthRequest, violations: Violations): void {
  if (endpoint === "" || endpoint.length > MAX_ENDPOINT_CHARS) {
    violations.add("endpoint", `must have 1 to ${MAX_ENDPOINT_CHARS} characters`);
  }
  if (!SOURCE.test(source)) {
    violations.add("source", "must be 1 to 64 letters, digits and any of . _ : @ / -");
  }
}

import type { DiagLogger } from "@opentelemetry/api";
import type { Log, NowMs } from "../domain/ports.ts";

/** A collector that is away fails every few seconds, and says nothing new each time. */
const QUIET_MS = 60_000;

const MAX_TEXT = 300;

export type SdkLog = {
  readonly logger: DiagLogger;
  /** Takes what the SDK catches in its background work. */
  readonly onError: (error: unknown) => void;
  /** Ends the start. */
  started(): void;
};

/**
 * What the SDK says about itself, in our log and not on the console: warnings and errors, one in a minute
 * with the number of those left out since. At the start, when it reads its variables, each is told, and only
 * once when it is the same for two signals. Secrets are masked here too, because the SDK quotes its variables
 * and answers of collectors, and those quote requests.
 */
export function createSdkLog(log: Log, nowMs: NowMs, secrets: readonly string[]): SdkLog {
  const told = new Set<string>();
  let isStarting = true;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let suppressed = 0;

  function tell(...words: readonly unknown[]): void {
    const detail = maskedText(words, secrets);
    if (isStarting ? told.has(detail) : nowMs() - loggedAtMs < QUIET_MS) {
      suppressed += isStarting ? 0 : 1;
      return;
    }
    if (isStarting) {
      told.add(detail);
    } else {
      loggedAtMs = nowMs();
    }
    log("warn", "telemetry is not exported as it should be", { detail, suppressed });
    suppressed = 0;
  }

  const ignore = () => undefined;
  return {
    logger: { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    onError: (error) => tell(error),
    started() {
      isStarting = false;
      told.clear();
    },
  };
}

/** Messages alone: what hangs on the SDK's errors are whole answers. */
function maskedText(words: readonly unknown[], secrets: readonly string[]): string {
  const text = words
    .filter((word) => typeof word === "string" || word instanceof Error)
    .map((word) => (word instanceof Error ? `${word.name}: ${word.message}` : word))
    .join(" ");
  return secrets
    .filter((secret) => secret.length >= 6)
    .reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), text)
    .slice(0, MAX_TEXT);
}

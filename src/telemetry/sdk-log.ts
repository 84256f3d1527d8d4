import type { DiagLogger } from "@opentelemetry/api";
import type { Log, NowMs } from "../domain/ports.ts";

/** A collector that is away fails every few seconds, and says nothing new each time. */
const QUIET_MS = 60_000;

const MAX_TEXT = 300;

export type SdkLog = {
  readonly logger: DiagLogger;
  /** Takes what the SDK catches in its background work. */
  readonly onError: (error: unknown) => void;
};

/**
 * What the SDK says about itself, in our log and not on the console: warnings and errors, one in a minute
 * with the number of those left out since. Secrets are masked here too, because the SDK quotes answers of
 * collectors, and those quote requests.
 */
export function createSdkLog(log: Log, nowMs: NowMs, secrets: readonly string[]): SdkLog {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let suppressed = 0;

  function tell(...words: readonly unknown[]): void {
    if (nowMs() - loggedAtMs < QUIET_MS) {
      suppressed += 1;
      return;
    }
    loggedAtMs = nowMs();
    log("warn", "telemetry is not exported as it should be", {
      detail: maskedText(words, secrets),
      suppressed,
    });
    suppressed = 0;
  }

  const ignore = () => undefined;
  return {
    logger: { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    onError: (error) => tell(error),
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

import type { Log, NowMs } from "../domain/ports.ts";
import { describeError, isBadCredentials, isDenied } from "./bus-error.ts";

/** Says what is wrong with the connection: once a minute, and without secrets. */
export type LinkLog = {
  trouble(message: string, error: unknown): void;
  /**
   * Why a connection could not be made or was ended, or what the server denies on it. An alarm if the
   * credentials are refused.
   */
  lost(error: unknown): void;
  /** All is well: the next trouble is worth a line at once. */
  recovered(): void;
};

export type LinkLogOptions = {
  readonly log: Log;
  readonly nowMs: NowMs;
  readonly hosts: readonly string[];
  readonly secrets: readonly string[];
};

const REPEAT_MS = 60_000;

export function createLinkLog({ log, nowMs, hosts, secrets }: LinkLogOptions): LinkLog {
  const last = new Map<string, number>();

  function tell(level: "warn" | "error", message: string, error: unknown): void {
    const now = nowMs();
    const before = last.get(message);
    if (before !== undefined && now - before < REPEAT_MS) {
      return;
    }
    last.set(message, now);
    const problem = secrets.reduce(
      (text, secret) => text.replaceAll(secret, "[secret]"),
      describeError(error),
    );
    log(level, message, { servers: hosts, problem });
  }

  return {
    trouble: (message, error) => tell("warn", message, error),
    lost(error) {
      if (isBadCredentials(error)) {
        tell("error", "NATS refuses the credentials; trying on", error);
      } else if (isDenied(error)) {
        tell("warn", "NATS denies a right", error);
      } else {
        tell("warn", "NATS is not to be had; trying on", error);
      }
    },
    recovered: () => last.clear(),
  };
}

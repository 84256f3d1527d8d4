import { Code, ConnectError } from "@connectrpc/connect";
import { type CliWorld, type ExitCode, exitCodes } from "./cli-world.ts";
import { createServerConnection, type ServerConnection } from "./client.ts";
import { describeError } from "./describe-error.ts";
import type { GlobalOptions } from "./global-options.ts";
import { UnreachableError } from "./http2-session.ts";
import { NO_CALL } from "./interrupted-early.ts";
import { createPaint, wantsColour } from "./paint.ts";
import {
  type LocalErrorCode,
  renderError,
  renderErrorJson,
  renderLocalError,
  renderLocalErrorJson,
} from "./render-error.ts";

/** What a command calls. */
export type Server = Pick<ServerConnection, "router" | "catalog" | "scoring" | "insight"> & {
  /** Aborts at the first interrupt and when the command is done. Every call takes it. */
  readonly signal: AbortSignal;
};

/** What an interrupt says once a call may be under way. */
const CALL_CANCELLED = "interrupted: the call was cancelled";

/** The stream ended well, but without the message that says how the call went. */
export class IncompleteAnswerError extends Error {
  override readonly name = "IncompleteAnswerError";
}

/** With the deadline of the command's call in milliseconds; it bounds connecting as well. */
type ServerOptions = GlobalOptions & { readonly deadline?: number };

/**
 * Runs a command against the router: connects, cancels at an interrupt, reports a failure and sets
 * the exit code. Rejects only with what is not about the call, such as a `UsageProblem`.
 */
export async function withServer(
  world: CliWorld,
  options: ServerOptions,
  run: (server: Server) => Promise<void>,
): Promise<void> {
  const connection = await createServerConnection(world, options);
  const done = new AbortController();
  const interrupt = new AbortController();
  const signal = AbortSignal.any([done.signal, interrupt.signal]);
  const stopListening = world.onInterrupt(() => interrupt.abort());
  let connected = false;
  try {
    await connection.connect(signal, options.deadline);
    connected = true;
    const { router, catalog, scoring, insight } = connection;
    await run({ router, catalog, scoring, insight, signal });
  } catch (error) {
    if (interrupt.signal.aborted) {
      const message = connected ? CALL_CANCELLED : NO_CALL;
      reportLocal(world, options, ["INTERRUPTED", message, exitCodes.interrupted]);
    } else {
      reportFailure(world, options, error);
    }
  } finally {
    stopListening();
    // A stream whose loop was left early goes on until its signal says otherwise.
    done.abort();
    connection.close();
  }
}

/** Reports a problem that no server told of, as text or as JSON. */
export function reportLocal(
  world: CliWorld,
  { json }: Pick<GlobalOptions, "json">,
  [code, message, exitCode]: readonly [LocalErrorCode, string, ExitCode],
): void {
  const paint = createPaint(wantsColour(world.stderr, world.env));
  world.stderr.write(json ? renderLocalErrorJson(code, message) : renderLocalError(message, paint));
  world.setExitCode(exitCode);
}

function reportFailure(world: CliWorld, options: GlobalOptions, error: unknown): void {
  if (error instanceof IncompleteAnswerError) {
    reportLocal(world, options, ["INCOMPLETE", error.message, exitCodes.callFailed]);
  } else if (error instanceof UnreachableError) {
    reportUnreachable(
      world,
      options,
      `cannot reach the router at ${options.server}: ${error.message}`,
    );
  } else if (!(error instanceof ConnectError)) {
    throw error;
  } else if (error.isWireError) {
    reportCall(world, options, error);
  } else if (error.code === Code.DeadlineExceeded) {
    const silence = `no answer from the router at ${options.server} by the deadline`;
    reportCall(world, options, new ConnectError(silence, error.code));
  } else {
    reportUnreachable(
      world,
      options,
      `no answer from the router at ${options.server}: ${error.rawMessage}`,
    );
  }
}

const MODELS_HINT = "`atlas models` lists what the router serves.";

/** What helps next, by the reason of the failure. */
const hints: Readonly<Record<string, string>> = {
  MODEL_NOT_FOUND: MODELS_HINT,
  ENDPOINT_NOT_FOUND: MODELS_HINT,
  CALL_NOT_FOUND: "`atlas trace` lists the calls that the router remembers.",
};

function reportCall(world: CliWorld, { json }: GlobalOptions, error: ConnectError): void {
  const description = describeError(error);
  const paint = createPaint(wantsColour(world.stderr, world.env));
  world.stderr.write(json ? renderErrorJson(description) : renderError(description, paint));
  const hint = hints[description.reason];
  if (!json && hint !== undefined) {
    world.stderr.write(paint.dim(`${hint}\n`));
  }
  world.setExitCode(exitCodes.callFailed);
}

function reportUnreachable(world: CliWorld, options: GlobalOptions, message: string): void {
  reportLocal(world, options, ["UNREACHABLE", message, exitCodes.unreachable]);
  if (!options.json) {
    const paint = createPaint(wantsColour(world.stderr, world.env));
    world.stderr.write(
      paint.dim("`atlas serve` starts one; --server or ATLAS_SERVER names another.\n"),
    );
  }
}

import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { errors, type PermissionViolationError } from "@nats-io/transport-node";
import { BusRefused, BusUnavailable } from "../domain/bus.ts";

/** In words of the client, for logs. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** What a caller of the bus gets to see, whatever went wrong. */
export function toBusUnavailable(error: unknown): BusUnavailable {
  return error instanceof BusUnavailable
    ? error
    : new BusUnavailable(`NATS did not confirm: ${describeError(error)}`, { cause: error });
}

/** No answer in time, although the same connection had answers to what was sent later. */
export class PassedOverError extends errors.TimeoutError {
  constructor() {
    super();
    this.message = "no answer, where there were some to what was sent later";
  }
}

/** What the sender of a report gets to see. */
export function toReportError(error: unknown): Error {
  if (isDenied(error)) {
    return new BusRefused(`NATS denies it: ${describeError(error)}`, { cause: error });
  }
  return isTooLarge(error)
    ? new RangeError(`NATS takes no report as large: ${describeError(error)}`, { cause: error })
    : toBusUnavailable(error);
}

/** Nobody answers for JetStream, or not for this stream: it is starting, electing, or gone. */
export function isMissing(error: unknown): boolean {
  return isStreamNotFound(error) || (error instanceof Error && hasNoResponders(error));
}

export function isStreamNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/** Somebody else wrote the key first. */
export function isWrongRevision(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
      error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}

/** Sending the same again cannot help: the server understood and refused. */
export function isRefusal(error: unknown): boolean {
  return (
    isDenied(error) ||
    (error instanceof JetStreamApiError && error.status >= 400 && error.status < 500)
  );
}

/** Of whoever is logged in. */
export function isDenied(error: unknown): error is PermissionViolationError {
  return error instanceof errors.PermissionViolationError;
}

export function isBadCredentials(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
  );
}

const MESSAGE_EXCEEDS_MAXIMUM = 10_054;

/** For the stream, or for the server by the client's own look. */
export function isTooLarge(error: unknown): boolean {
  return (
    (error instanceof JetStreamApiError && error.code === MESSAGE_EXCEEDS_MAXIMUM) ||
    error instanceof errors.InvalidArgumentError
  );
}

function hasNoResponders(error: Error): boolean {
  if (error instanceof errors.NoRespondersError || error.name === "JetStreamNotEnabled") {
    return true;
  }
  return error.cause instanceof Error && hasNoResponders(error.cause);
}

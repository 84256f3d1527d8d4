import http2 from "node:http2";
import type { Schedule } from "../domain/ports.ts";

/** A peer that does not answer a ping is not waited for. */
const MAX_WAIT_MS = 1_000;
/** Refuses no stream: the peer is only asked to open no more. */
const ALL_STREAMS = 2 ** 31 - 1;

/**
 * Asks the peer of a session to open no more streams, and resolves when none can be on its way.
 *
 * Closing at once would refuse what the peer sent before it knew, and not every client repeats a
 * refused stream by itself. What was sent before the answer to a ping has arrived before it.
 * https://www.rfc-editor.org/rfc/rfc9113#name-goaway
 */
export function announceGoaway(
  session: http2.ServerHttp2Session,
  schedule: Schedule,
): Promise<void> {
  return new Promise((resolve) => {
    const callOff = schedule(MAX_WAIT_MS, () => done());
    const done = () => {
      callOff();
      session.off("close", done);
      resolve();
    };
    // A peer that leaves answers no ping, and Node forgets the ping with the session.
    session.once("close", done);
    try {
      session.goaway(http2.constants.NGHTTP2_NO_ERROR, ALL_STREAMS);
      if (!session.ping(done)) {
        done();
      }
    } catch {
      // The session has ended in between.
      done();
    }
  });
}

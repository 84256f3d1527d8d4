/** What an interrupt says while there is no call that it could cancel. */
export const NO_CALL = "interrupted: no call was under way";

/**
 * The line for an interrupt that comes while no command listens for one: while it starts or reads
 * its input. Knows nothing else of the command, so that it is there before the rest is loaded.
 */
export function interruptedEarly(argv: readonly string[]): string {
  const error = { code: "INTERRUPTED", message: NO_CALL };
  return argv.includes("--json") ? `${JSON.stringify({ error })}\n` : `error: ${NO_CALL}\n`;
}

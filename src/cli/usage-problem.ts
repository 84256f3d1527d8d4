/** The caller of `atlas` can fix it: the message says what is wrong, and the exit code is 2. */
export class UsageProblem extends Error {
  override readonly name = "UsageProblem";
}

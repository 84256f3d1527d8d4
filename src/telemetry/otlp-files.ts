import { firstSet, namesOf, type OtelEnv, type OtlpSignal } from "./otlp-variables.ts";

/** Rejects when the file cannot be read. */
export type ReadFile = (path: string) => Promise<unknown>;

/**
 * Files that the variables name and that cannot be read. The exporters go on without them, and tell of it
 * without the name of a variable and, over gRPC, only with the first export.
 */
export async function fileProblemsOf(
  env: OtelEnv,
  signal: OtlpSignal,
  readFile: ReadFile,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const setting of ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"]) {
    const variable = firstSet(env, namesOf(signal, setting));
    if (variable !== undefined && !(await canBeRead(variable.value, readFile))) {
      problems.push(`${variable.name} names a file that cannot be read: it is left out`);
    }
  }
  return problems;
}

function canBeRead(path: string, readFile: ReadFile): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}

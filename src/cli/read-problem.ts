/** Why a file cannot be read, in words that need no manual. Completes "certFile: ". */
export function readProblem(path: string, error: unknown): string {
  return `cannot be read: ${reasonOf(path, error)}`;
}

function reasonOf(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return `there is no file ${path}`;
    case "EISDIR":
      return `${path} is a directory`;
    case "EACCES":
    case "EPERM":
      return `this user may not read ${path}`;
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return `${path} is no UTF-8 text`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

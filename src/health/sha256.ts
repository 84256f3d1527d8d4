import { createHash, hash as hashOnce } from "node:crypto";
import type { Hash } from "../score/shared-endpoint.ts";

/** One part, which is nearly always so, needs no object of the library. */
export const sha256: Hash = (parts) => {
  const [first, ...rest] = parts;
  if (first !== undefined && rest.length === 0) {
    return hashOnce("sha256", first, "buffer");
  }
  const digest = createHash("sha256");
  for (const part of first === undefined ? [] : [first, ...rest]) {
    digest.update(part);
  }
  return digest.digest();
};

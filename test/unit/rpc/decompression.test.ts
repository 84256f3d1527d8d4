import { deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ACCEPTED_ENCODINGS, createDecompress } from "../../../src/rpc/decompression.ts";

const MAX_BYTES = 1_000_000;
const isWanted = () => true;

describe("createDecompress()", () => {
  it.each([
    { encoding: "gzip", compress: gzipSync },
    { encoding: "deflate", compress: deflateSync },
  ])("inflates $encoding, up to the largest message", async ({ encoding, compress }) => {
    const decompress = createDecompress(MAX_BYTES);
    const largest = Buffer.alloc(MAX_BYTES, 7);
    const message = { encoding, isWanted };
    expect(await decompress({ ...message, bytes: compress(largest) })).toEqual(largest);
    const larger = compress(Buffer.alloc(MAX_BYTES + 1));
    const refused = decompress({ ...message, bytes: larger });
    await expect(refused).rejects.toMatchObject({ code: "message-too-large" });
  });

  it.each([
    { what: "is broken", encoding: "gzip", words: "cannot be decompressed" },
    { what: "does not say how", encoding: undefined, words: "does not say how" },
    { what: "says that it is not", encoding: "identity", words: "does not say how" },
    { what: "is of another kind", encoding: "br", words: "takes gzip, deflate and identity" },
  ])("refuses a message that $what", async ({ encoding, words }) => {
    const message = { bytes: Buffer.from("rubbish"), encoding, isWanted };
    await expect(createDecompress(MAX_BYTES)(message)).rejects.toThrow(words);
  });

  it("inflates four at a time and none that nobody wants when its turn comes", async () => {
    const decompress = createDecompress(MAX_BYTES);
    const bytes = gzipSync(Buffer.alloc(MAX_BYTES));
    let asked = 0;
    let isLeft = false;
    const isStillWanted = () => {
      asked += 1;
      return !isLeft;
    };
    const all = Array.from({ length: 100 }, () =>
      decompress({ bytes, encoding: "gzip", isWanted: isStillWanted }),
    );
    const settled = Promise.allSettled(all);
    expect(asked).toBe(4);
    isLeft = true;
    const results = await settled;
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(96);
  });

  it("goes on after messages that are refused", async () => {
    const decompress = createDecompress(MAX_BYTES);
    const broken = { bytes: Buffer.from("rubbish"), encoding: "gzip", isWanted };
    await Promise.allSettled(Array.from({ length: 20 }, () => decompress(broken)));
    const bytes = gzipSync(Buffer.from("good"));
    expect(String(await decompress({ ...broken, bytes }))).toBe("good");
  });
});

it("ACCEPTED_ENCODINGS names what is inflated, and that nothing has to be", () => {
  expect(ACCEPTED_ENCODINGS).toBe("identity,gzip,deflate");
});

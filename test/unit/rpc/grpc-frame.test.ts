import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createRequestBody,
  emptyBody,
  fillPrefix,
  messageOf,
  PREFIX_BYTES,
  type RequestBody,
  takePiece,
} from "../../../src/rpc/grpc-frame.ts";

const MAX_BYTES = 1_000;

function frameOf(message: Uint8Array): Buffer {
  return fillPrefix(Buffer.concat([Buffer.alloc(PREFIX_BYTES, 0xff), message]));
}

function flagged(flag: number, message: Uint8Array): Buffer {
  const frame = frameOf(message);
  frame[0] = flag;
  return frame;
}

function bodyOf(pieces: readonly Buffer[]): RequestBody {
  const body = createRequestBody();
  for (const piece of pieces) {
    takePiece(body, piece, MAX_BYTES);
  }
  return body;
}

/** Cut where the numbers say, in any order, also twice at one place. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const message = fc.uint8Array({ maxLength: MAX_BYTES });
const places = fc.array(fc.nat(), { maxLength: 8 });

describe("a framed message", () => {
  it("has a flag, its length in four bytes, and then itself", () => {
    const frame = frameOf(new Uint8Array(0x01_02_03).fill(7));
    expect([...frame.subarray(0, 6)]).toEqual([0, 0, 1, 2, 3, 7]);
  });

  it("is read whole, however its bytes come", () => {
    fc.assert(
      fc.property(message, places, (bytes, cuts) => {
        const body = bodyOf(cut(frameOf(bytes), cuts));
        expect(messageOf(body).bytes).toEqual(Buffer.from(bytes));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("is none while a part of it is missing", () => {
    fc.assert(
      fc.property(message, places, fc.nat(), (bytes, cuts, missing) => {
        const frame = frameOf(bytes);
        const part = frame.subarray(0, frame.length - 1 - (missing % frame.length));
        const body = bodyOf(cut(part, cuts));
        expect(() => messageOf(body)).toThrow("The request has no message.");
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("is the only one of its request", () => {
    fc.assert(
      fc.property(
        message,
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        places,
        (first, more, cuts) => {
          const pieces = cut(Buffer.concat([frameOf(first), more]), cuts);
          expect(() => bodyOf(pieces)).toThrow("The request has more than one message.");
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it("that is too large is refused by its length alone", () => {
    const prefix = frameOf(new Uint8Array(MAX_BYTES + 1)).subarray(0, PREFIX_BYTES);
    expect(() => bodyOf([prefix.subarray(0, 4)])).not.toThrow();
    expect(() => bodyOf([prefix.subarray(0, 4), prefix.subarray(4)])).toThrow("is larger");
  });
});

describe("the flag of a message", () => {
  it("says whether it is compressed", () => {
    const bytes = Buffer.from("any");
    expect(messageOf(bodyOf([frameOf(bytes)]))).toEqual({ isCompressed: false, bytes });
    expect(messageOf(bodyOf([flagged(1, bytes)]))).toEqual({ isCompressed: true, bytes });
  });

  it("has no other value", () => {
    for (const flag of [2, 3, 128, 255]) {
      expect(() => messageOf(bodyOf([flagged(flag, Buffer.from("any"))]))).toThrow("is flagged");
    }
  });
});

describe("emptyBody()", () => {
  it("lets go of what has arrived", () => {
    const body = bodyOf([frameOf(Buffer.alloc(100))]);
    emptyBody(body);
    expect(body).toEqual(createRequestBody());
  });
});

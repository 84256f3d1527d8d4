import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { createSharedBoard, type SharedBoard } from "../../../src/score/shared-board.ts";
import { hexOf } from "./make-report.ts";

const MINUTE_MS = 60_000;

function probe(board: SharedBoard, id: string, model: string, atMs = 0): boolean {
  const endpoint = board.endpoint(id as EndpointId, model, atMs);
  endpoint?.addProbe(atMs, true);
  return endpoint !== undefined;
}

function idsOf(board: SharedBoard, model: string, nowMs = MINUTE_MS): readonly string[] {
  return board.endpointsOf(model, nowMs).map(({ endpoint }) => endpoint);
}

describe("createSharedBoard()", () => {
  test("lists endpoints under their models", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "b", "n");
    probe(board, "a", "m");
    probe(board, "c", "m");
    expect(board.heldModels(0)).toEqual(["m", "n"]);
    expect(board.changedModels(0)).toEqual(["m", "n"]);
    expect([idsOf(board, "m"), idsOf(board, "n"), idsOf(board, "x")]).toEqual([
      ["a", "c"],
      ["b"],
      [],
    ]);
  });

  test("leaves endpoints out that have no model", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "");
    expect(board.heldModels(0)).toEqual([]);
    expect(board.endpoints()).toBe(1);
    probe(board, "a", "m");
    expect(idsOf(board, "m")).toEqual(["a"]);
  });

  test("moves an endpoint to the model named last", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "m");
    idsOf(board, "m");
    probe(board, "a", "n");
    probe(board, "a", "");
    expect(board.changedModels(MINUTE_MS)).toEqual(["m", "n"]);
    expect([idsOf(board, "m"), idsOf(board, "n")]).toEqual([[], ["a"]]);
    expect(board.changedModels(MINUTE_MS)).toEqual([]);
  });

  test("forgets the model when nothing of the report that named it matters", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "m", MINUTE_MS - 1);
    probe(board, "a", "", 10 * MINUTE_MS);
    board.sweep(31 * MINUTE_MS - 1);
    expect(idsOf(board, "m", 31 * MINUTE_MS - 1)).toEqual(["a"]);
    board.sweep(31 * MINUTE_MS);
    expect(idsOf(board, "m", 31 * MINUTE_MS)).toEqual([]);
    expect(board.endpoints()).toBe(1);
  });

  test("forgets endpoints that hold nothing and have no model", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "");
    board.endpoint("b" as EndpointId, "m", MINUTE_MS);
    const left = [31 * MINUTE_MS - 1, 31 * MINUTE_MS, 32 * MINUTE_MS].map((nowMs) => {
      board.sweep(nowMs);
      return board.endpoints();
    });
    expect(left).toEqual([2, 1, 0]);
  });

  test("tells that a model ran empty to whoever has read it, once", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "read");
    probe(board, "b", "unread");
    idsOf(board, "read");
    board.sweep(31 * MINUTE_MS);
    expect(board.heldModels(31 * MINUTE_MS)).toEqual([]);
    expect(board.changedModels(31 * MINUTE_MS)).toEqual(["read"]);
    expect(idsOf(board, "read", 31 * MINUTE_MS)).toEqual([]);
    expect(board.changedModels(31 * MINUTE_MS)).toEqual([]);
  });

  test("takes no more endpoints than it may", () => {
    const board = createSharedBoard(sha256, 1);
    expect(probe(board, "a", "m")).toBe(true);
    expect(probe(board, "b", "m")).toBe(false);
    expect(probe(board, "a", "m")).toBe(true);
  });

  test("hashes its models in the order of their ids", () => {
    const hash = (ids: readonly string[]) => {
      const board = createSharedBoard(sha256, 9);
      for (const id of ids) {
        probe(board, id, `model-${id}`);
      }
      const parts = board.heldModels(0).map((model) => board.stateHashOf(model, 0));
      expect(hexOf(board.stateHash(0))).toBe(hexOf(sha256(parts)));
      return hexOf(board.stateHash(0));
    };
    expect(hash(["a", "b"])).toBe(hash(["b", "a"]));
    expect(hash(["a", "b"])).not.toBe(hash(["a"]));
  });

  test("hashes a model it does not know like one that holds nothing", () => {
    const board = createSharedBoard(sha256, 9);
    board.endpoint("a" as EndpointId, "m", 0);
    expect(hexOf(board.stateHashOf("m", 5))).toBe(
      hexOf(createSharedBoard(sha256, 9).stateHashOf("m", 5)),
    );
  });

  test("knows nothing after it was cleared", () => {
    const board = createSharedBoard(sha256, 9);
    probe(board, "a", "m");
    expect(board.heldBytes()).toBeGreaterThan(0);
    board.clear();
    expect([board.endpoints(), board.heldBytes()]).toEqual([0, 0]);
    expect(board.changedModels(0)).toEqual([]);
  });
});

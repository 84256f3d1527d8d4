import { z } from "zod";
import type { Segment } from "./problems.ts";

/** The part of a JSON Schema that says which keys a mapping has. */
type Node = {
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  /** Of names that the author of the file chooses. */
  readonly additionalProperties?: Node | false | undefined;
  readonly items?: Node | undefined;
  /** A value that may also be empty. */
  readonly anyOf?: readonly Node[] | undefined;
};

/** The keys that a schema knows at a path; none below what it does not describe. */
export function knownKeysIn(schema: z.ZodType, path: readonly Segment[]): readonly string[] {
  let node = mappingOf(nodeOf(schema));
  for (const segment of path) {
    node = mappingOf(childOf(node, segment));
  }
  return Object.keys(node.properties ?? {});
}

/** Costly to make, and asked for with every unknown key. */
const nodes = new WeakMap<z.ZodType, Node>();

function nodeOf(schema: z.ZodType): Node {
  // Written by the library; the type names the part of it that is read here.
  const node = nodes.get(schema) ?? (z.toJSONSchema(schema, { io: "input" }) as Node);
  nodes.set(schema, node);
  return node;
}

function childOf({ properties, additionalProperties, items }: Node, segment: Segment): Node {
  const named = typeof segment === "number" ? items : properties?.[segment];
  return named ?? (additionalProperties || {});
}

function mappingOf(node: Node): Node {
  return node.anyOf?.[0] ?? node;
}

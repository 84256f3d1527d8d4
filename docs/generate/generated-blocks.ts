/** Parts of a document that are made from the code stand between two comments, which name them. */
const BLOCK = /(<!-- generated: ([a-z-]+) -->\n)[\s\S]*?(<!-- end of \2 -->)/g;

/**
 * The document with every generated part made anew. Throws when it has a part that is not among `blocks`, or
 * lacks one of them.
 */
export function withBlocks(document: string, blocks: Readonly<Record<string, string>>): string {
  const seen = new Set<string>();
  const written = document.replaceAll(BLOCK, (_, begin: string, name: string, end: string) => {
    const block = blocks[name];
    if (block === undefined) {
      throw new Error(`nobody generates the part ${JSON.stringify(name)}`);
    }
    seen.add(name);
    return `${begin}\n${block.trim()}\n\n${end}`;
  });
  const missing = Object.keys(blocks).filter((name) => !seen.has(name));
  if (missing.length > 0) {
    throw new Error(`the document has no place for ${missing.join(", ")}`);
  }
  return written;
}

/** A table in Markdown. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellOf).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function cellOf(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

export function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

export function codes(texts: readonly string[]): string {
  return texts.map(code).join(", ");
}

export function linked(text: string, address: string | undefined): string {
  return address === undefined ? text : `[${text}](${address})`;
}

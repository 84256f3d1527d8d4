import { fromJsonString } from "@bufbuild/protobuf";
import { type CompletionSpec, CompletionSpecSchema } from "../../gen/atlas/v1/completion_pb.ts";
import type { CallInput, ImageInput } from "./build-request.ts";
import type { CallOptions } from "./call-options.ts";
import type { CliWorld } from "./cli-world.ts";
import { UsageProblem } from "./usage-problem.ts";

type Files = Pick<CliWorld, "readFile">;

/** `-` where a text or file is expected. */
const STANDARD_INPUT = "-";

/** First bytes of the image formats that providers take, at their place. */
const signatures: readonly {
  readonly mimeType: string;
  readonly parts: readonly (readonly [offset: number, latin1: string])[];
}[] = [
  { mimeType: "image/png", parts: [[0, "\x89PNG\r\n\x1a\n"]] },
  { mimeType: "image/jpeg", parts: [[0, "\xff\xd8\xff"]] },
  { mimeType: "image/gif", parts: [[0, "GIF8"]] },
  {
    mimeType: "image/webp",
    parts: [
      [0, "RIFF"],
      [8, "WEBP"],
    ],
  },
];
/** The longest signature ends here. */
const SIGNATURE_BYTES = 12;

/** Reads everything a call names. Throws a `UsageProblem` that names the file. */
export async function readCallInput(
  files: Files,
  options: CallOptions,
  call: {
    readonly model: string;
    readonly text: string | undefined;
    readonly showReasoning: boolean;
  },
): Promise<CallInput> {
  const { model, text, showReasoning } = call;
  const { messageFile, jsonSchema, image = [] } = options;
  if (text === STANDARD_INPUT && messageFile === STANDARD_INPUT) {
    throw new UsageProblem("standard input can be the text or the --message-file, not both");
  }
  const prompt = text === STANDARD_INPUT ? await readText(files, text) : text;
  if (prompt === "") {
    throw new UsageProblem(`${text === STANDARD_INPUT ? "standard input" : "the text"} is empty`);
  }
  return {
    model,
    text: prompt,
    images: await Promise.all(image.map((source) => readImage(files, source))),
    schemaJson: jsonSchema === undefined ? undefined : await readSchema(files, jsonSchema),
    base: messageFile === undefined ? undefined : await readSpec(files, messageFile),
    showReasoning,
  };
}

/** The whole file as UTF-8. */
export async function readText(files: Files, path: string): Promise<string> {
  return decodeUtf8(await readBytes(files, path), path);
}

export async function readBytes(files: Files, path: string): Promise<Uint8Array> {
  try {
    return await files.readFile(path);
  } catch (cause) {
    throw new UsageProblem(`cannot read ${nameOf(path)}: ${messageOf(cause)}`, { cause });
  }
}

async function readSpec(files: Files, path: string): Promise<CompletionSpec> {
  const text = await readText(files, path);
  try {
    return fromJsonString(CompletionSpecSchema, text);
  } catch (cause) {
    throw new UsageProblem(
      `${nameOf(path)} is no CompletionSpec in proto JSON: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The text itself is sent, so that key order and number forms survive. */
async function readSchema(files: Files, path: string): Promise<string> {
  const text = await readText(files, path);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new UsageProblem(`${nameOf(path)} is not JSON: ${messageOf(cause)}`, { cause });
  }
  return text;
}

async function readImage(files: Files, source: string): Promise<ImageInput> {
  if (/^https?:\/\//i.test(source)) {
    return { kind: "url", url: source };
  }
  const data = await readBytes(files, source);
  const start = Buffer.from(data.subarray(0, SIGNATURE_BYTES)).toString("latin1");
  const format = signatures.find(({ parts }) =>
    parts.every(([offset, latin1]) => start.startsWith(latin1, offset)),
  );
  if (format === undefined) {
    throw new UsageProblem(`${nameOf(source)} is no PNG, JPEG, GIF or WebP image`);
  }
  return { kind: "data", mimeType: format.mimeType, data };
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageProblem(`${nameOf(path)} is not UTF-8 text`, { cause });
  }
}

function nameOf(path: string): string {
  return path === STANDARD_INPUT ? "standard input" : path;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

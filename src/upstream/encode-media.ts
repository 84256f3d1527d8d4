import type { MediaPart } from "../domain/completion.ts";
import type { Parameter } from "../domain/parameters.ts";

/** The parameter that a media part needs its endpoint to take. */
export const sourceParameters = {
  url: "media_url",
  data: "media_data",
  "file-id": "media_file_id",
} as const satisfies Record<MediaPart["source"]["kind"], Parameter>;

/** For data whose type the caller did not state: the commonest of each kind. */
const fallbackTypes = {
  image: "image/png",
  audio: "audio/wav",
  video: "video/mp4",
  file: "application/pdf",
} as const satisfies Record<MediaPart["modality"], string>;

export function mimeTypeOf({ mimeType, modality }: MediaPart): string {
  return mimeType === "" ? fallbackTypes[modality] : mimeType;
}

export function base64Of(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

/**
 * Which servers of the OpenAI format: its owner's, which call the token limit `max_completion_tokens`
 * and know the role `developer`, or the compatible ones, which know `max_tokens` and `system`.
 */
export type OpenaiFlavor = "openai" | "compatible";

/**
 * How to reach an endpoint. Hand out the same object for as long as nothing changes: what is derived
 * from it is kept with it.
 */
export type Connection = {
  /**
   * Everything before the dialect's own path: `https://api.openai.com/v1`,
   * `https://api.anthropic.com/v1`. A query (`?api-version=…`) stays behind the path.
   */
  readonly baseUrl: string;
  /** Absent: no key is sent. Never leaves in anything but its header. */
  readonly apiKey: string | undefined;
  /** Sent with every request; may replace any header but the length and the host. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Header of the key. Default: `api-key` for the provider `azure`, else the dialect's. */
  readonly auth?: "bearer" | "api-key" | "x-api-key";
  /** Default: `openai` for the providers `openai` and `azure`, else `compatible`. */
  readonly flavor?: OpenaiFlavor;
};

import { describe, expect, it } from "vitest";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { classifyErrorInBody, classifyResponse } from "../../../src/upstream/classify-response.ts";

function classify(status: number, body: unknown = {}, headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return classifyResponse({ status, headers, body: text }, 0);
}

const coded = (code: string, type = "x") => ({ error: { message: "m", type, param: null, code } });
const typed = (type: string, message = "m") => ({ type: "error", error: { type, message } });

describe("classifyResponse()", () => {
  it.each([
    ["OpenAI's rate limit", 429, coded("rate_limit_exceeded", "tokens"), "rate-limited"],
    ["OpenAI's slow_down", 429, coded("slow_down"), "rate-limited"],
    ["a bare 429", 429, "", "rate-limited"],
    ["Groq's flex tier at capacity", 498, coded("capacity_exceeded"), "rate-limited"],
    ["Anthropic's rate limit", 429, typed("rate_limit_error"), "rate-limited"],
    ["no credit", 429, coded("insufficient_quota", "insufficient_quota"), "quota-exhausted"],
    ["no credit by its newer name", 429, coded("credit_balance_exhausted"), "quota-exhausted"],
    ["an organization's limit", 429, coded("organization_usage_limit_exceeded"), "quota-exhausted"],
    ["an organization's spend", 429, coded("organization_spend_limit_exceeded"), "quota-exhausted"],
    ["a project's spend", 429, coded("project_spend_limit_exceeded"), "quota-exhausted"],
    [
      "Anthropic's enforced spend limit",
      429,
      {
        error: {
          type: "rate_limit_error",
          details: { error_code: "enforced_spend_limit_reached" },
        },
      },
      "quota-exhausted",
    ],
    ["Anthropic's billing error", 402, typed("billing_error"), "quota-exhausted"],
    [
      "Anthropic's empty balance",
      400,
      typed("invalid_request_error", "Your credit balance is too low to access the API."),
      "quota-exhausted",
    ],
    ["a billing code in a 400", 400, coded("billing_hard_limit_reached"), "quota-exhausted"],
    ["DeepSeek without balance", 402, coded("invalid_request_error"), "quota-exhausted"],
    ["a bare 402", 402, "", "quota-exhausted"],
    ["Anthropic overloaded", 529, typed("overloaded_error"), "overloaded"],
    ["a 503", 503, "<html>", "overloaded"],
    ["a 500", 500, coded("server_error"), "server-error"],
    ["a 502 page", 502, "<html><h1>Bad gateway</h1></html>", "server-error"],
    ["a 504", 504, typed("timeout_error"), "server-error"],
    ["a 424", 424, "", "server-error"],
    ["a 409", 409, "", "server-error"],
    ["a 499 of a proxy", 499, "", "server-error"],
    ["a wrong key", 401, coded("invalid_api_key"), "credentials"],
    ["no permission", 403, typed("permission_error"), "credentials"],
    ["a model closed to the project", 403, coded("model_not_found"), "model-not-found"],
    ["an unknown model", 404, coded("model_not_found"), "model-not-found"],
    [
      "vLLM's unknown model",
      404,
      { error: { type: "NotFoundError", code: 404 } },
      "model-not-found",
    ],
    ["Azure's unknown deployment", 404, coded("DeploymentNotFound"), "model-not-found"],
    ["an unknown path", 404, "<html>", "model-not-found"],
    ["an unknown model in a 400", 400, coded("model_not_found"), "model-not-found"],
    ["a removed model", 410, "", "model-not-found"],
    ["a 408", 408, "", "first-token-timeout"],
    ["a bad value", 400, coded("invalid_value", "invalid_request_error"), "bad-request"],
    ["DeepSeek's 422", 422, coded("invalid_parameter"), "bad-request"],
    ["FastAPI's 422", 422, { detail: [{ loc: [], msg: "field required" }] }, "bad-request"],
    ["a request too large", 413, typed("request_too_large"), "bad-request"],
    ["an odd status", 418, "", "bad-request"],
    ["OpenAI's context length", 400, coded("context_length_exceeded"), "context-length"],
    [
      "Anthropic's context length",
      400,
      typed("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
      "context-length",
    ],
    [
      "vLLM's context length",
      400,
      { error: { message: "This model's maximum context length is 4096 tokens.", code: 400 } },
      "context-length",
    ],
    [
      "SGLang's flat context length",
      400,
      { object: "error", message: "longer than the model's context length", code: 400 },
      "context-length",
    ],
    ["OpenAI's content policy", 400, coded("content_policy_violation"), "content-filter"],
    [
      "Anthropic's content filter",
      400,
      typed("invalid_request_error", "Output blocked by content filtering policy"),
      "content-filter",
    ],
    ["Azure's content filter", 400, coded("content_filter"), "content-filter"],
    [
      "Azure's inner error",
      400,
      {
        error: {
          code: "400",
          message: "m",
          innererror: { code: "ResponsibleAIPolicyViolation", content_filter_result: {} },
        },
      },
      "content-filter",
    ],
    ["a redirect", 301, "", "server-error"],
    ["a redirect with a code", 307, coded("insufficient_quota"), "server-error"],
  ])("calls %s (%i)", (_, status, body, kind) => {
    expect(classify(status, body).kind).toBe(kind);
  });

  it("keeps the status and what the provider asked to wait", () => {
    expect(classify(429, {}, { "retry-after": "2" })).toMatchObject({
      httpStatus: 429,
      retryAfterMs: 2_000,
    });
  });

  it("shows the provider's words where the caller can mend the request", () => {
    expect(classify(400, typed("invalid_request_error", "tools.0: too long")).message).toBe(
      "tools.0: too long",
    );
  });

  it.each([401, 404, 429, 500, 502, 503])("shows a text of its own for %i", (status) => {
    const { message } = classify(status, typed("x", "the prompt was SECRET"));
    expect(message).not.toContain("SECRET");
    expect(message).toContain(`HTTP ${status}`);
  });

  it("names a code that is one", () => {
    expect(classify(429, coded("rate_limit_exceeded")).message).toContain("rate_limit_exceeded");
  });

  it.each(["sk-12345678", "Look: here", "a".repeat(60)])("does not name the code %s", (code) => {
    expect(classify(500, coded(code, "")).message).toBe("The endpoint failed (HTTP 500).");
  });

  it("says what a redirect means", () => {
    expect(classify(308).message).toContain("base URL");
  });
});

describe("classifyErrorInBody()", () => {
  it.each([
    [typed("overloaded_error"), "overloaded"],
    [typed("api_error"), "server-error"],
    [typed("rate_limit_error"), "rate-limited"],
    [typed("invalid_request_error"), "bad-request"],
    [typed("invalid_request_error", "prompt is too long"), "context-length"],
    [typed("authentication_error"), "credentials"],
    [typed("not_found_error"), "model-not-found"],
    [typed("billing_error"), "quota-exhausted"],
    [coded("content_filter"), "content-filter"],
    [coded("rate_limit_exceeded", "invalid_request_error"), "rate-limited"],
    [{ error: { code: 429 } }, "rate-limited"],
    [{ error: { code: 502, message: "m" } }, "server-error"],
    [{ error: { code: "503" } }, "overloaded"],
    [{ error: "something broke" }, "server-error"],
    [[{ error: { code: 400, message: "m" } }], "bad-request"],
    [{ errors: [{ code: "rate_limit_exceeded" }] }, "rate-limited"],
    [undefined, "server-error"],
    ["text", "server-error"],
    [{}, "server-error"],
  ])("calls %j %s", (body, kind) => {
    expect(classifyErrorInBody(body).kind).toBe(kind);
  });

  it("has a message for every case", () => {
    const { kind, message } = classifyErrorInBody({});
    expect(failureKinds).toContain(kind);
    expect(message).toBe("The endpoint failed.");
  });
});

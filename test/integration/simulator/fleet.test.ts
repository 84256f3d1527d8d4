import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SimulatedEndpoint } from "../../../src/simulator/endpoint.ts";
import { type Fleet, startFleet } from "../../../src/simulator/fleet.ts";

const EAST = "azure/eastus/gpt-4o-mini";
const WEST = "azure/westus/gpt-4o-mini";
const GROQ = "groq/llama";

function endpoint(id: string, provider: string): SimulatedEndpoint {
  return { id, provider, dialect: "openai-chat", upstreamModel: "m", profile: { timeScale: 0 } };
}

let fleet: Fleet;

beforeEach(async () => {
  fleet = await startFleet(
    [endpoint(EAST, "azure"), endpoint(WEST, "azure"), endpoint(GROQ, "groq")],
    {
      seed: 1,
    },
  );
});

afterEach(() => fleet.close());

async function complete(id: string, text = "Hello", target = fleet): Promise<Response> {
  return await fetch(`${target.baseUrl(id)}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content: text }] }),
  });
}

async function contentOf(response: Response): Promise<unknown> {
  const body: { choices?: [{ message: { content: string } }] } = JSON.parse(await response.text());
  return body.choices?.[0].message.content;
}

async function control(method: string, path: string, body?: string): Promise<Response> {
  return await fetch(`${fleet.controlUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
}

describe("startFleet()", () => {
  test("gives every provider an origin of its own and every endpoint a path", () => {
    const [east, west, groq] = [EAST, WEST, GROQ].map((id) => new URL(fleet.baseUrl(id)));
    expect(east?.origin).toBe(west?.origin);
    expect(east?.origin).not.toBe(groq?.origin);
    expect(east?.pathname).toBe("/azure%2Feastus%2Fgpt-4o-mini/v1");
  });

  test("gives the same answers to the same requests for the same seed", async () => {
    const twin = await startFleet([endpoint(EAST, "azure")], { seed: 1 });
    const other = await startFleet([endpoint(EAST, "azure")], { seed: 2 });
    const [here, there, elsewhere] = await Promise.all([
      complete(EAST).then(contentOf),
      complete(EAST, "Hello", twin).then(contentOf),
      complete(EAST, "Hello", other).then(contentOf),
    ]);
    await Promise.all([twin.close(), other.close()]);
    expect(there).toBe(here);
    expect(elsewhere).not.toBe(here);
  });

  test("refuses a bad profile with every problem", async () => {
    const spec = { ...endpoint("x", "x"), profile: { timeScale: -1, chunkBytes: 0.5 } };
    await expect(startFleet([spec], { seed: 1 })).rejects.toThrow(/timeScale.*chunkBytes/);
  });

  test("refuses an id used twice", async () => {
    await expect(startFleet([endpoint("x", "a"), endpoint("x", "b")], { seed: 1 })).rejects.toThrow(
      "two simulated endpoints are called x",
    );
  });

  test("knows no other path", async () => {
    const { origin } = new URL(fleet.baseUrl(EAST));
    expect((await fetch(`${origin}/elsewhere/v1/models`)).status).toBe(404);
    expect((await fetch(`${fleet.baseUrl(EAST)}/embeddings`)).status).toBe(404);
  });

  test("answers 1,000 streams at once", async () => {
    fleet.configure(EAST, { timeScale: 0.05, firstTokenMs: { p50: 1, p95: 2 } });
    const bodies = await Promise.all(Array.from({ length: 1_000 }, () => streamText(EAST)));
    expect(bodies.filter((body) => body.endsWith("data: [DONE]\n\n"))).toHaveLength(1_000);
    expect(fleet.stats(EAST)).toMatchObject({ requests: 1_000, completed: 1_000, open: 0 });
  });

  test("closes while streams are open", async () => {
    fleet.configure(EAST, { stallMidStream: { rate: 1 } });
    const response = await complete(EAST);
    const rest = response.text();
    const ended = expect(rest).rejects.toThrow("terminated");
    await fleet.close();
    await ended;
    fleet = await startFleet([], { seed: 1 });
  });
});

describe("add()", () => {
  test("serves more endpoints behind the same origins and the same control API", async () => {
    const south = "azure/southindia/gpt-4o-mini";
    const { controlUrl } = fleet;
    await fleet.add([endpoint(south, "azure"), endpoint("novita/llama", "novita")]);
    expect(new URL(fleet.baseUrl(south)).origin).toBe(new URL(fleet.baseUrl(EAST)).origin);
    expect((await complete(south)).status).toBe(200);
    expect((await complete("novita/llama")).status).toBe(200);
    expect(fleet.controlUrl).toBe(controlUrl);
    expect((await control("GET", `/endpoints/${south}`)).status).toBe(200);
    expect((await complete(EAST)).status).toBe(200);
  });

  test("leaves what is served as given alone", async () => {
    const before = fleet.baseUrl(EAST);
    fleet.configure(EAST, { serverError: { rate: 1, status: 503 } });
    await fleet.add([endpoint(EAST, "azure")]);
    expect(fleet.baseUrl(EAST)).toBe(before);
    expect((await complete(EAST)).status).toBe(503);
  });

  test("begins a changed endpoint anew, and answers at its old base URL as before", async () => {
    const before = fleet.baseUrl(EAST);
    await fleet.add([{ ...endpoint(EAST, "azure"), upstreamModel: "n" }]);
    const ask = async (baseUrl: string) => {
      const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] });
      const headers = { "content-type": "application/json" };
      return (await fetch(`${baseUrl}/chat/completions`, { method: "POST", headers, body })).status;
    };
    expect(fleet.baseUrl(EAST)).not.toBe(before);
    expect(await ask(before)).toBe(200);
    expect(await ask(fleet.baseUrl(EAST))).toBe(404);
  });

  test("changes nothing when one of the endpoints is wrong", async () => {
    const bad = { ...endpoint("x", "azure"), profile: { timeScale: -1 } };
    await expect(fleet.add([endpoint("y", "azure"), bad])).rejects.toThrow("timeScale");
    expect(() => fleet.baseUrl("y")).toThrow("no simulated endpoint y");
  });
});

describe("control API", () => {
  test("lists the endpoints with profile and statistics", async () => {
    await (await complete(GROQ)).text();
    const body = await (await control("GET", "/endpoints")).json();
    expect(body).toMatchObject({
      endpoints: [
        { id: EAST, stats: { requests: 0 } },
        { id: WEST },
        { id: GROQ, baseUrl: fleet.baseUrl(GROQ), stats: { requests: 1, completed: 1 } },
      ],
    });
  });

  test("changes how the next request is answered, and resets it", async () => {
    const path = `/endpoints/${encodeURIComponent(EAST)}`;
    const patched = await control("PATCH", path, JSON.stringify({ serverError: { rate: 1 } }));
    expect(patched.status).toBe(200);
    expect(fleet.profile(EAST).serverError).toEqual({ rate: 1, status: 500 });
    expect((await complete(EAST)).status).toBe(500);
    expect((await complete(WEST)).status).toBe(200);
    expect((await control("POST", `${path}/reset`)).status).toBe(200);
    expect((await complete(EAST)).status).toBe(200);
    expect(fleet.stats(EAST)).toMatchObject({ requests: 1, failed: {} });
  });

  test("answers a bad patch with every problem and changes nothing", async () => {
    const before = fleet.profile(EAST);
    const body = JSON.stringify({ serverError: { rate: 2, status: 404 }, colour: 1 });
    const response = await control("PATCH", `/endpoints/${EAST}`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      problems: [
        { path: "serverError.rate", message: "must be a number from 0 to 1" },
        { path: "serverError.status", message: "must be one of 500, 502, 503, 504, 529" },
        { path: "colour", message: "is unknown" },
      ],
    });
    expect(fleet.profile(EAST)).toEqual(before);
  });

  test.each([
    { name: "an unknown endpoint", method: "GET", path: "/endpoints/x", status: 404 },
    { name: "an unknown path", method: "GET", path: "/else", status: 404 },
    { name: "a wrong method", method: "DELETE", path: `/endpoints/${EAST}`, status: 405 },
    { name: "a body that is not JSON", method: "PATCH", path: `/endpoints/${EAST}`, status: 400 },
  ])("refuses $name", async ({ method, path, status }) => {
    expect((await control(method, path)).status).toBe(status);
  });
});

/** On a connection of its own, without the queue of fetch's pool. */
function streamText(id: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { "content-type": "application/json" };
  const call = httpRequest(`${fleet.baseUrl(id)}/chat/completions`, { method: "POST", headers });
  call.once("error", reject);
  call.once("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
    });
    response.once("end", () => resolve(text));
    response.once("error", reject);
  });
  const messages = [{ role: "user", content: "echo:one two three four five six" }];
  call.end(JSON.stringify({ model: "m", messages, stream: true }));
  return promise;
}

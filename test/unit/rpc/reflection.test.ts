import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { handleBidiStreamingCall, Server, ServerDuplexStream } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { addReflection, reflectionPaths } from "../../../src/rpc/reflection.ts";

type Answer = handleBidiStreamingCall<object, object>;

/** What reflection of no services adds to a server, by path. */
function addedMethods(): ReadonlyMap<string, Answer> {
  const added = new Map<string, Answer>();
  const addService: Server["addService"] = (definition, implementation) => {
    for (const [name, { path }] of Object.entries(definition)) {
      added.set(path, implementation[name] as Answer);
    }
  };
  addReflection({ addService } as Server, []);
  return added;
}

describe("addReflection()", () => {
  it("adds the two methods that are known to stream their requests", () => {
    expect(new Set(addedMethods().keys())).toEqual(reflectionPaths);
  });

  it.each([...reflectionPaths])("reads no more of %s than is read of its answers", async (path) => {
    const answers: object[] = [];
    let taken: () => void = () => undefined;
    const call = new Duplex({
      objectMode: true,
      read: () => undefined,
      write(answer: object, _encoding, done) {
        answers.push(answer);
        taken = done;
      },
    });
    addedMethods().get(path)?.(call as unknown as ServerDuplexStream<object, object>);
    for (let asked = 0; asked < 1_000; asked += 1) {
      call.push({ host: String(asked), messageRequest: "listServices", listServices: "" });
    }
    await setImmediate();
    expect(answers.length + call.writableLength).toBeLessThan(2 * call.writableHighWaterMark);
    while (answers.length < 1_000) {
      taken();
      await setImmediate();
    }
    const hosts = answers.map((answer) =>
      Object.entries(answer).find(([key]) => key === "validHost"),
    );
    expect(hosts[0]?.[1]).toBe("0");
    expect(hosts[999]?.[1]).toBe("999");
  });
});

import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import type { CancelSignal } from "../domain/cancel.ts";
import type { RouterError } from "../domain/router-error.ts";
import type { TraceContext } from "../domain/trace.ts";
import type { OpenRpc } from "./open-rpc.ts";

/** What a handler may know and do about its call beyond the message. One per call. */
export type CallContext = {
  /** Aborts when the caller leaves, or with the `RouterError` that was given to `abort`. */
  readonly signal: CancelSignal;
  /** Ends the call's work; the first reason stands. */
  readonly abort: (reason: RouterError) => void;
  /** Milliseconds of the caller's timeout left at receipt; absent without one. May be 0 or huge. */
  readonly timeoutMs: number | undefined;
  /** Epoch milliseconds, when the request was there and its decoding began. */
  readonly receivedAtMs: number;
  readonly trace: TraceContext;
  /** Takes the id of the completion that the RPC is, once the router has it, and what it repeats. */
  readonly rpc: Pick<OpenRpc, "callId" | "repeats">;
  /**
   * Sent with the status, on failure too. Names that end in `-bin` take bytes. To be called on the
   * context, as the one below.
   */
  setTrailer(name: string, value: string | Uint8Array): void;
  /** Something that was written still waits for the caller to take it. Always false of a unary call. */
  isBehind(): boolean;
};

/** Takes one message of a stream, in order. Never throws and never waits; late ones are dropped. */
export type Write<Output> = (message: Output) => void;

type HandlerOf<Method> = Method extends {
  methodKind: "unary";
  input: infer Input extends DescMessageLike;
  output: infer Output extends DescMessageLike;
}
  ? (message: MessageShape<Input>, context: CallContext) => Promise<MessageShape<Output>>
  : Method extends {
        methodKind: "server_streaming";
        input: infer Input extends DescMessageLike;
        output: infer Output extends DescMessageLike;
      }
    ? (
        message: MessageShape<Input>,
        context: CallContext,
        write: Write<MessageShape<Output>>,
      ) => Promise<void>
    : never;

type DescMessageLike = DescMethod["input"];

/** One handler for each method of a generated service. Rejections are translated by `status.ts`. */
export type ServiceHandlers<Methods extends GenServiceMethods> = {
  readonly [Name in keyof Methods]: HandlerOf<Methods[Name]>;
};

export type UnaryHandler = (message: Message, context: CallContext) => Promise<Message>;
export type StreamHandler = (
  message: Message,
  context: CallContext,
  write: Write<Message>,
) => Promise<void>;

export type RpcMethod =
  | { readonly kind: "unary"; readonly desc: DescMethodUnary; readonly run: UnaryHandler }
  | {
      readonly kind: "server_streaming";
      readonly desc: DescMethodServerStreaming;
      readonly run: StreamHandler;
      /** Runs until the caller leaves, so a drain ends it at once instead of waiting. */
      readonly endless: boolean;
    };

/** A service with its handlers, independent of the transport that serves it. */
export type RpcService = {
  readonly desc: DescService;
  readonly methods: readonly RpcMethod[];
};

export type ServiceOptions = {
  /** Streaming methods, by local name, that run until the caller leaves. */
  readonly endless?: readonly string[];
};

/** Ties handlers to their service; the types of the messages are checked here and erased behind it. */
export function defineService<Methods extends GenServiceMethods>(
  desc: GenService<Methods>,
  handlers: ServiceHandlers<Methods>,
  { endless = [] }: ServiceOptions = {},
): RpcService {
  const methods = desc.methods.map((method): RpcMethod => {
    // The mapped type above has checked the handler against this very method.
    const run: unknown = handlers[method.localName as keyof Methods];
    if (isUnary(method)) {
      return { kind: "unary", desc: method, run: run as UnaryHandler };
    }
    if (isServerStreaming(method)) {
      const isEndless = endless.includes(method.localName);
      return {
        kind: "server_streaming",
        desc: method,
        run: run as StreamHandler,
        endless: isEndless,
      };
    }
    throw new Error(`${desc.typeName}.${method.name} streams requests, which no binding serves`);
  });
  return { desc, methods };
}

/** `/atlas.v1.RouterService/Complete` */
export function methodPath({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

/** `atlas.v1.RouterService/Complete`, as `RpcEnd.method` has it. */
export function methodName({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

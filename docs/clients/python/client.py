"""A client of Atlas Router over gRPC. See ../README.md for how its stubs are generated."""

import math
import os
import sys
import time
from collections.abc import Callable

# The generated modules import each other as atlas.v1.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen"))

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from atlas.v1 import completion_pb2, router_service_pb2, router_service_pb2_grpc

ADDRESS = os.environ.get("ATLAS_GRPC") or "localhost:50051"
MODEL = os.environ.get("ATLAS_MODEL") or "openai/gpt-4o-mini"
TIMEOUT_SECONDS = 60
# Takes seconds to answer: the simulated fleet repeats what follows "echo:".
LONG_TEXT = "echo:" + " on and" * 1000

Router = router_service_pb2_grpc.RouterServiceStub


def ask(text: str, model: str = MODEL) -> completion_pb2.CompletionSpec:
    return completion_pb2.CompletionSpec(
        model=model,
        messages=[
            completion_pb2.Message(
                role=completion_pb2.ROLE_USER,
                parts=[completion_pb2.ContentPart(text=text)],
            )
        ],
    )


def route(router: Router) -> str:
    """Where would a call go, and why there?"""
    request = router_service_pb2.RouteRequest(spec=ask("Name three rivers."))
    response = router.Route(request, timeout=TIMEOUT_SECONDS)
    total = sum(candidate.share for candidate in response.candidates)
    expect(response.decision.endpoint, "no endpoint was decided on")
    expect(math.isclose(total, 1, abs_tol=1e-6), f"shares add up to {total}")
    return f"{response.decision.endpoint} of {len(response.candidates)} candidates"


def complete(router: Router) -> str:
    """The whole answer in one message."""
    request = completion_pb2.CompleteRequest(spec=ask("Name three rivers."))
    response = router.Complete(request, timeout=TIMEOUT_SECONDS)
    text = "".join(part.text for part in response.choices[0].message.parts)
    tokens = response.usage.visible_output_tokens
    cost = response.cost.total_nano_usd
    expect(text and tokens and cost and response.attempts, f"incomplete answer: {response}")
    return (
        f"{len(text)} characters, {tokens} tokens, {cost} nano-USD, "
        f"{len(response.attempts)} attempt(s)"
    )


def stream(router: Router) -> str:
    """The answer as it is generated: started first, finished last, numbered without gaps."""
    request = completion_pb2.StreamCompleteRequest(spec=ask("Name three rivers."))
    text, kinds = "", []
    for index, message in enumerate(router.StreamComplete(request, timeout=TIMEOUT_SECONDS)):
        expect(message.sequence == index, f"message {index} has sequence {message.sequence}")
        kinds.append(message.WhichOneof("event"))
        text += message.content.text
    expect(kinds[0] == "started" and kinds[-1] == "finished", f"order of events: {kinds}")
    expect(text, "no text")
    return f"{len(text)} characters in {kinds.count('content')} pieces"


def cancel(router: Router) -> str:
    """Cancelling ends the call at the router and at the provider."""
    request = completion_pb2.StreamCompleteRequest(spec=ask(LONG_TEXT))
    call = router.StreamComplete(request, timeout=TIMEOUT_SECONDS)
    cancelled_at = None
    try:
        for message in call:
            if message.HasField("content") and cancelled_at is None:
                cancelled_at = time.monotonic()
                call.cancel()
    except grpc.RpcError as error:
        expect(error.code() == grpc.StatusCode.CANCELLED, f"ended with {error}")
    expect(cancelled_at is not None, "no content came")
    took = time.monotonic() - cancelled_at
    expect(call.code() == grpc.StatusCode.CANCELLED, "the stream ended as if nothing had happened")
    expect(took < 1, f"took {took:.3f} s")
    return f"CANCELLED after {took * 1000:.1f} ms"


def deadline(router: Router) -> str:
    """The deadline travels with the call; without one the router takes 300 s."""
    try:
        router.Complete(completion_pb2.CompleteRequest(spec=ask("Hello.")), timeout=0.001)
    except grpc.RpcError as error:
        expect(error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, f"ended with {error}")
        return "DEADLINE_EXCEEDED"
    raise AssertionError("an answer within a millisecond")


def error_details(router: Router) -> str:
    """Every error says in google.rpc messages what is wrong."""
    code, details = failure(router, ask("Hello.", model="nobody/nothing"))
    info, resource = details["ErrorInfo"], details["ResourceInfo"]
    expect(code == grpc.StatusCode.NOT_FOUND, f"ended with {code}")
    expect(info.reason == "MODEL_NOT_FOUND", f"reason {info.reason}")
    expect(resource.resource_name == "nobody/nothing", f"resource {resource.resource_name}")

    code, details = failure(router, completion_pb2.CompletionSpec(model=MODEL))
    fields = [violation.field for violation in details["BadRequest"].field_violations]
    expect(code == grpc.StatusCode.INVALID_ARGUMENT, f"ended with {code}")
    expect("spec.messages" in fields, f"violated fields: {fields}")
    return f"{info.reason} {resource.resource_name}, INVALID_ARGUMENT {', '.join(fields)}"


def failure(router: Router, spec: completion_pb2.CompletionSpec) -> tuple[grpc.StatusCode, dict]:
    """The code of a call that must fail, and its details by the name of their message."""
    try:
        router.Complete(completion_pb2.CompleteRequest(spec=spec), timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        details = {}
        for packed in rpc_status.from_call(error).details:
            name = packed.TypeName().removeprefix("google.rpc.")
            details[name] = getattr(error_details_pb2, name)()
            packed.Unpack(details[name])
        return error.code(), details
    raise AssertionError("the call succeeded")


def expect(condition: object, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


CHECKS: dict[str, Callable[[Router], str]] = {
    "route": route,
    "complete": complete,
    "stream": stream,
    "cancel": cancel,
    "deadline": deadline,
    "error details": error_details,
}


def main() -> int:
    failed = 0
    with grpc.insecure_channel(ADDRESS) as channel:
        router = router_service_pb2_grpc.RouterServiceStub(channel)
        for name, check in CHECKS.items():
            try:
                print(f"ok {name}: {check(router)}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {error!r}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

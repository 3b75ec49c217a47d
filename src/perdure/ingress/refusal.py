"""From an error to the reply its client reads, in the shape of the version it speaks."""

from contextlib import nullcontext

import msgspec

from perdure.context.local import current_context
from perdure.errors import Problem, UntranslatableResponseError
from perdure.ingress.problems import problem_reply
from perdure.lifecycle.carried import apply_changes, show_headers
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.reply import BODILESS, Reply, without_type
from perdure.lifecycle.stages import transform_stage
from perdure.timescape.chain import Chain
from perdure.timescape.parts import ResponseParts

__all__ = ["render"]


def render(error: BaseException, plan: Plan, request_id: str) -> Reply:
    """Return the problem for *error*, carried back where a revision says so.

    Problems pass through versions untouched unless a revision has a transformer for them. One whose transformer fails
    is answered with that failure.
    """
    reply = problem_reply(error, request_id)
    if plan.chain is None or not isinstance(reply.body, bytes):
        return reply
    shown, body = show_headers(reply.headers), msgspec.json.decode(reply.body)
    parts = ResponseParts(status=reply.status, headers=dict(shown), body=body)
    try:
        lctx = current_context()
        with nullcontext() if lctx is None else lctx.during(transform_stage("problem", plan.chain)):
            plan.chain.problem(parts)
        raw = _encode(parts, reply.status, plan.chain)
    except (UntranslatableResponseError, Problem) as failure:
        return problem_reply(failure, request_id)
    items = apply_changes(reply.headers, shown, parts.headers)
    if parts.status in BODILESS:
        return Reply(parts.status, without_type(items), b"")
    return Reply(parts.status, items, raw)


def _encode(parts: ResponseParts, status: int, chain: Chain) -> bytes:
    """Return the body, in which the member that says the status follows the one sent, *status* before the chain.

    Raises:
        UntranslatableResponseError: The chain left what has no JSON form.
    """
    body = parts.body
    if isinstance(body, dict) and parts.status != status and body.get("status") == status:
        body["status"] = parts.status
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise UntranslatableResponseError(", ".join(chain.revisions), chain.target_key) from error

"""What a handler's annotations say: which parts of a request it reads, of which types, and what it answers.

Source: SPEC 3.1, property 1.
"""

import collections.abc
from enum import Enum, auto
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import replace

from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext
from perdure.context.request import FormBody, Headers, Request, Values
from perdure.context.response import Response
from perdure.context.socket import WebSocket
from perdure.context.uploads import FormData
from perdure.errors import SignatureError
from perdure.gtype.annotations import resolve_hints
from perdure.lifecycle.answering import ANSWERS
from perdure.routing.declaration import Declaration
from perdure.routing.generators import ITERATORS, STREAMS, UNDECLARED, show_hint, streaming_callback

__all__ = ["UNDECLARED", "BodyMode", "Definition", "define", "define_socket"]


class BodyMode(Enum):
    """How a request's body is read."""

    NONE = auto()
    """Not at all."""
    DATA = auto()
    """As JSON or msgpack of a declared type."""
    FORM = auto()
    """As a form of a declared type."""
    FORM_DATA = auto()
    """As a form, files included."""
    BYTES = auto()
    TEXT = auto()
    STREAM = auto()
    """Piece by piece, by the handler."""
    ANY = auto()
    """By what its media type says; for handlers that take an undeclared request."""


class Definition(Struct, frozen=True, kw_only=True):
    """A declaration, looked into. Parts without a declared type are `UNDECLARED`."""

    declaration: Declaration
    id: str
    body_mode: BodyMode
    body: Any
    params: Any
    query: Any
    headers: Any
    response: Any
    response_media: str
    """What answers are of; ``*/*`` where nothing is said of it."""

    @property
    def has_data_body(self) -> bool:
        """The body has a type of its own, rather than being raw."""
        return self.body_mode in {BodyMode.DATA, BodyMode.FORM}

    @property
    def status(self) -> int:
        """Status of a normal answer."""
        if self.declaration.options.status is not None:
            return self.declaration.options.status
        return 200


_CONTEXTS: dict[str, Any] = {
    "req": Request, "res": Response, "lctx": LocalContext, "gctx": GlobalContext, "ws": WebSocket
}  # fmt: skip


def define(declaration: Declaration, handler_id: str) -> Definition:
    """Read the annotations of a declared handler.

    Raises:
        SignatureError: A parameter is annotated with something else than its context, or two declared response types
            disagree.
        TypeDefinitionError: An annotation cannot be resolved, or the handler yields what cannot be streamed.
    """
    hints = resolve_hints(declaration.callback.fn, localns=declaration.local_names)
    for name in declaration.callback.takes:
        _check_context(declaration, name, hints.get(name, UNDECLARED))
    body, params, query, headers = _request_types(hints.get("req", UNDECLARED), "req" in declaration.callback.takes)
    response = _response_type(declaration, hints)
    callback = streaming_callback(declaration.callback, response, declaration.where)
    return Definition(
        declaration=replace(declaration, callback=callback), id=handler_id,
        body_mode=_body_mode(body), body=_unmark(body), params=params, query=query, headers=headers,
        response=_data_type(response), response_media=_media_type(response),
    )  # fmt: skip


def define_socket(declaration: Declaration) -> Any:
    """Return the type of the messages a WebSocket handler's clients send; raises as `define`."""
    hints = resolve_hints(declaration.callback.fn, localns=declaration.local_names)
    if not declaration.callback.is_async or declaration.callback.streams:
        raise SignatureError(f"{declaration.where}: a WebSocket handler is an async function")
    for name in declaration.callback.takes:
        _check_context(declaration, name, hints.get(name, UNDECLARED))
    given = get_args(hints.get("ws", UNDECLARED))
    return given[0] if given else Any


def _check_context(declaration: Declaration, name: str, hint: Any) -> None:
    expected = _CONTEXTS[name]
    if hint is UNDECLARED or hint is Any or hint is expected or get_origin(hint) is expected:
        return
    raise SignatureError(
        f"{declaration.where}: parameter {name!r} is annotated with {show_hint(hint)}; it is always a "
        f"{expected.__name__}"
    )


def _request_types(hint: Any, takes_request: bool) -> tuple[Any, Any, Any, Any]:
    """Return the declared types of body, params, query and headers."""
    given = [*get_args(hint)] if get_origin(hint) is Request else []
    if not given:
        return (UNDECLARED if takes_request else NoneType), UNDECLARED, UNDECLARED, UNDECLARED
    padded: list[Any] = [*given, None, None, None]
    body, params, query, headers = padded[:4]
    body = NoneType if body is None else body
    return body, _members_type(params), _members_type(query), _members_type(headers)


def _members_type(hint: Any) -> Any:
    """Return a type with named members; what stands for *any* members, or for none in particular, is undeclared."""
    open_types: tuple[Any, ...] = (None, NoneType, Any, object, dict, Values, Headers, collections.abc.Mapping)
    if hint in open_types or get_origin(hint) in (dict, collections.abc.Mapping):
        return UNDECLARED
    # The default of a type variable may not have been evaluated yet.
    return UNDECLARED if str(getattr(hint, "__forward_arg__", hint)) in {"Values", "Headers"} else hint


def _body_mode(body: Any) -> BodyMode:
    if body is UNDECLARED:
        return BodyMode.ANY
    if body is NoneType:
        return BodyMode.NONE
    if get_origin(body) is Annotated and FormBody in get_args(body):
        return BodyMode.FORM
    if get_origin(body) in STREAMS or body in STREAMS:
        return BodyMode.STREAM
    modes: dict[Any, BodyMode] = {bytes: BodyMode.BYTES, str: BodyMode.TEXT, FormData: BodyMode.FORM_DATA}
    return modes.get(body, BodyMode.DATA) if isinstance(body, type) else BodyMode.DATA


def _unmark(body: Any) -> Any:
    """Return *body* without the form marker."""
    if get_origin(body) is not Annotated:
        return body
    inner, *rest = get_args(body)
    kept = tuple(item for item in rest if item is not FormBody)
    return Annotated[(inner, *kept)] if kept else inner


def _response_type(declaration: Declaration, hints: dict[str, Any]) -> Any:
    """Return the type both declarations agree on: `Response[...]` and the return annotation."""
    written = get_args(hints.get("res", UNDECLARED))
    body = written[0] if written else UNDECLARED
    if isinstance(body, TypeVar) or body is Any:
        body = UNDECLARED
    returned = hints.get("return", UNDECLARED)
    if returned is None:
        returned = NoneType
    if returned is Any:
        returned = UNDECLARED
    if body is UNDECLARED or returned is UNDECLARED:
        return returned if body is UNDECLARED else body
    if returned is NoneType or returned == body:
        return body
    raise SignatureError(
        f"{declaration.where}: declared to answer {show_hint(body)} by its parameter 'res' but to return "
        f"{show_hint(returned)}"
    )


def _media_type(response: Any) -> str:
    if response is str or response is bytes:
        return "text/plain" if response is str else "application/octet-stream"
    return "*/*" if _data_type(response) is UNDECLARED else "application/json"


def _data_type(response: Any) -> Any:
    """Return the part of a response type that is data: without answer classes, streams, raw text and bytes."""
    if response in (UNDECLARED, NoneType, str, bytes) or response in ANSWERS:
        return UNDECLARED
    if get_origin(response) in ITERATORS or response in ITERATORS:
        return UNDECLARED
    if get_origin(response) not in (Union, UnionType):
        return response
    members = [member for member in get_args(response) if member not in ANSWERS]
    if not members or (members == [NoneType]):
        return UNDECLARED
    return Union[tuple(members)]  # noqa: UP007 - the members are known only now

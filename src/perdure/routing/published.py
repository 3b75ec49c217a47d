"""What the clients of a version see: the API as it is served to them, and what its authors say about it."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import final

from msgspec import Struct
from msgspec.structs import replace

from perdure.gtype.naming import rename
from perdure.gtype.nodes import Node, Object
from perdure.gtype.traversal import reachable
from perdure.lifecycle.plan import Plan
from perdure.manifest.records import Api, Endpoint, endpoint_key
from perdure.openapi.description import OperationText
from perdure.routing.declaration import Declaration
from perdure.routing.endpoint import CodeEndpoint
from perdure.routing.templates import PathTemplate
from perdure.timescape.timescape import Timescape

__all__ = ["Published", "publish"]

_PARTS = ("params", "query", "headers", "body", "response")


@final
class Published(Struct, frozen=True):
    """An API at one version."""

    api: Api
    texts: Mapping[str, OperationText]
    """What is said of its endpoints, by key."""


def publish(
    index: int, timescape: Timescape, code: Sequence[CodeEndpoint], types: Mapping[str, Node],
    timelines: Iterable[tuple[PathTemplate, str, Sequence[Plan | None]]], declared: Mapping[str, int],
) -> Published:  # fmt: skip
    """Return the API that is served at version *index*.

    Endpoints are as the revision recorded them, but for those whose handler speaks this very version, or that no
    revision has: they are as the code has them. So is, of all, who may call and how often.

    Args:
        code: Every endpoint of the code.
        types: The definitions its types refer to.
        timelines: Template, method and plans by version of every endpoint there is or was.
        declared: Index of each version that handlers are declared for; what is decided at run time may hide it.
    """
    recorded = timescape.api_at(index)
    handlers = {id(each.definition.declaration.callback): each for each in code}
    texts: dict[str, OperationText] = {}
    kept: dict[str, Endpoint] = {}
    current: dict[str, Endpoint] = {}
    for template, method, plans in timelines:
        plan, key = plans[index], endpoint_key(method, template.key)
        each = None if plan is None else handlers.get(id(plan.callback))
        if each is None:
            continue
        declaration = each.definition.declaration
        version = declaration.options.version
        speaks = timescape.head if version is None else declared[version]
        if key in recorded.endpoints and speaks != index:
            # Whichever version is asked for, the gate is that of the handler.
            now = each.endpoint
            kept[key] = replace(recorded.endpoints[key], security=now.security, rate_limits=now.rate_limits)
        else:
            current[key] = each.endpoint
        texts[key] = _text(declaration, template)
    return Published(_join(_api(kept, recorded.types), _api(current, types)), texts)


def _api(endpoints: dict[str, Endpoint], types: Mapping[str, Node]) -> Api:
    needed: dict[str, Node] = {}
    for endpoint in endpoints.values():
        for node in (*(getattr(endpoint, part) for part in _PARTS), *endpoint.responses.values()):
            if node is not None:
                needed |= reachable(node, types)
    return Api(types=needed, endpoints=endpoints)


def _join(recorded: Api, code: Api) -> Api:
    """Return both as one; types of the code that were something else when they were recorded are renamed."""
    if not code.endpoints or not recorded.endpoints:
        return code if code.endpoints else recorded
    clashing = {name for name, node in code.types.items() if recorded.types.get(name, node) != node}
    if clashing:
        clashing |= {name for name, node in code.types.items() if clashing & reachable(node, code.types).keys()}
        names = {name: f"{name} (new)" if name in clashing else name for name in code.types}
        code = Api(
            types={names[name]: rename(node, names.__getitem__) for name, node in code.types.items()},
            endpoints={key: _renamed(endpoint, names) for key, endpoint in code.endpoints.items()},
        )
    endpoints = dict(sorted({**recorded.endpoints, **code.endpoints}.items()))
    return Api(types=dict(sorted({**recorded.types, **code.types}.items())), endpoints=endpoints)


def _renamed(endpoint: Endpoint, names: Mapping[str, str]) -> Endpoint:
    parts: dict[str, Node | Object | None] = {part: getattr(endpoint, part) for part in _PARTS}
    changed = {part: None if node is None else rename(node, names.__getitem__) for part, node in parts.items()}
    responses = {
        status: None if node is None else rename(node, names.__getitem__) for status, node in endpoint.responses.items()
    }
    return replace(endpoint, responses=responses, **changed)


def _text(declaration: Declaration, template: PathTemplate) -> OperationText:
    """Return the docstring of a handler as summary and description; it is listed under the first word of its path."""
    fn = declaration.callback.fn
    written = inspect.getdoc(fn.func if isinstance(fn, partial) else fn) or ""
    first, _, rest = written.partition("\n")
    first_segment = template.key.split("/")[1]
    tags = (first_segment,) if first_segment and "{" not in first_segment else ()
    return OperationText(summary=declaration.options.summary or first.strip(), description=rest.strip(), tags=tags)

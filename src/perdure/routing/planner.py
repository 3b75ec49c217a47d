"""From handlers and revisions to one plan per endpoint and version.

For each endpoint that exists at a version, the handler that serves its clients is found: the newest one the version's
chain leads to, or an older one that still runs. Versions of an endpoint that differ in nothing share one plan, so
hundreds of untouched versions cost a list entry each.

Source: SPEC 3.5; DESIGN "Timescape is Alembic for an API"; properties 16 and 17.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import final

from perdure.context.local import HandlerFacts
from perdure.gtype.nodes import Node
from perdure.lifecycle.plan import Plan
from perdure.routing.endpoint import CodeEndpoint
from perdure.routing.plan_compiler import EndpointParts, PlanCompiler
from perdure.routing.shapes import shape_changes
from perdure.routing.spans import Span, spans_of
from perdure.routing.templates import PathTemplate
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["Planner"]


@final
class Planner:
    """Plans all endpoints of an app.

    Args:
        types: The definitions of the code's types.
        code: Every endpoint of the code.
        compiler: Makes the plans.
    Raises:
        DuplicateRouteError: Two handlers serve one method and path at one version.
    """

    def __init__(
        self, timescape: Timescape, types: Mapping[str, Node], code: Sequence[CodeEndpoint], compiler: PlanCompiler
    ) -> None:
        self._timescape = timescape
        self._timeline = Timeline(timescape)
        self._types = dict(types)
        self._compiler = compiler
        self._recorded = any(version.revision is not None for version in timescape.versions)
        self._spans = spans_of(code, timescape)
        self._plans: dict[object, Plan] = {}
        self._origins: dict[int, tuple[CodeEndpoint, Chain | None]] = {}
        self._templates = {span.code.definition.declaration.template.key: span.code.definition.declaration.template
                           for spans in self._spans.values() for span in spans}  # fmt: skip

    def timelines(self) -> Iterable[tuple[PathTemplate, str, list[Plan | None]]]:
        """Yield template, method and plans by version for every endpoint there is or was.

        A key comes once for each template: of two endpoints that are called the same at different versions, one may
        take what the other does not.
        """
        keys = dict.fromkeys(self._spans)
        for version in self._timescape.versions:
            keys |= dict.fromkeys(self._timeline.endpoints_at(version.index))
        changes = shape_changes(self._timescape)
        for key in keys:
            method, _, path = key.partition(" ")
            plans = self._plans_of(key, changes.get(key, frozenset()))
            for template, part in _by_template(plans, self._spans.get(key, ()), self._templates.get(path), path):
                yield template, method, part

    def unserved(self, key: str, plans: Sequence[Plan | None]) -> tuple[str, ...]:
        """Return the names of the versions that have the endpoint *key* in their record, but no plan for it."""
        return tuple(
            version.name
            for version in self._timescape.versions
            if plans[version.index] is None and key in self._timeline.endpoints_at(version.index)
        )

    def is_stated_gone(self, key: str, index: int) -> bool:
        """Tell whether a revision says that the endpoint that version *index* calls *key* is gone for good."""
        return self._timeline.stated_end(key, index) is not None

    def identity(self, key: str, index: int) -> str | None:
        """Return what the endpoint that version *index* calls *key* is called now; None if a revision removed it.

        Two endpoints may have the same key at different versions, but not the same identity.
        """
        return self._timeline.name_at(key, index, self._timescape.head)

    def drafts(self, code: Sequence[CodeEndpoint]) -> tuple[CodeEndpoint, ...]:
        """Return those of *code* that serve nobody yet: what they are is not recorded, and another serves till then."""
        serving = {id(span.code) for spans in self._spans.values() for span in spans}
        return tuple(each for each in code if id(each) not in serving)

    def transformers(self, key: str) -> tuple[str, ...]:
        """Return the revisions that transform the endpoint *key* on its way from the oldest version to the newest."""
        found: dict[str, None] = {}
        timeline, head = self._timeline, self._timescape.head
        names = timeline.origins(key)
        for version in self._timescape.versions:
            index = version.index
            for name in names:
                if name in timeline.endpoints_at(index) and timeline.name_at(name, index, head) == key:
                    chain = timeline.chain(name, index, head)
                    found |= dict.fromkeys(chain.revisions if isinstance(chain, Chain) else ())
        return tuple(found)

    def origin(self, facts: HandlerFacts) -> tuple[CodeEndpoint, Chain | None] | None:
        """Return what the plan with *facts*, or others with the same stages, runs; None if there is no such plan."""
        return self._origins.get(id(facts.stages))

    def _plans_of(self, key: str, changes: AbstractSet[int]) -> list[Plan | None]:
        """Return the plan of each version; one in which nothing happens to the endpoint has that of the one before."""
        boundaries = {index for span in self._spans.get(key, ()) for index in (span.start, span.speaks)}
        plans: list[Plan | None] = []
        previous: object = None
        for version in self._timescape.versions:
            index = version.index
            way = self._way(key, index)
            if plans and way is previous and index not in changes and index not in boundaries:
                plans.append(plans[-1])
            else:
                plans.append(self._serve(key, index))
            previous = way
        return plans

    def _way(self, key: str, index: int) -> object:
        """Return what carries the endpoint from version *index* to the newest; only its identity means something."""
        if key not in self._timeline.endpoints_at(index):
            return self
        return self._timeline.chain(key, index, self._timescape.head)

    def _serve(self, key: str, index: int) -> Plan | None:
        """Return the plan for the clients of version *index*, or None where the endpoint does not exist for them."""
        is_recorded = key in self._timeline.endpoints_at(index)
        here = self._covering(key, index, is_recorded=is_recorded)
        plan = self._plan(key, index, here, None, None) if here is not None else None
        if not is_recorded:
            return plan
        passed = 0
        for span in self._later(key, index):
            chain = self._timeline.chain(key, index, span.speaks)
            if isinstance(chain, Removed):
                break
            hops = 0 if chain is None else len(chain.revisions)
            if plan is not None and hops == passed:
                break
            plan, passed = self._plan(key, index, span, chain, plan), hops
        return plan

    def _covering(self, key: str, index: int, *, is_recorded: bool) -> Span | None:
        """Return the handler that speaks the client's own version, or one older that nothing has replaced."""
        spans = [span for span in self._spans.get(key, ()) if span.start <= index]
        if not spans:
            return None
        span = spans[-1]
        at_head = index == self._timescape.head
        if self._recorded and not is_recorded and not at_head and not span.is_explicit:
            return None
        if not self._recorded:
            return span
        if span.speaks > index:
            return None
        # What is called so since a revision removed or moved it is another endpoint.
        is_known = key in self._timeline.endpoints_at(span.speaks)
        return None if is_known and self._timeline.name_at(key, span.speaks, index) != key else span

    def _later(self, key: str, index: int) -> list[Span]:
        """Return the handlers of newer versions that the endpoint's clients can be led to, oldest first."""
        spans = [
            span
            for name in self._timeline.names_since(key, index)
            for span in self._spans.get(name, ())
            if span.speaks > index and self._timeline.name_at(key, index, span.speaks) == name
        ]
        return sorted(spans, key=lambda span: span.speaks)

    def _plan(self, key: str, index: int, span: Span, chain: Chain | None, fallback: Plan | None) -> Plan:
        api = self._timescape.api_at(index)
        older = api.endpoints.get(key) if index != span.speaks else None
        parts = EndpointParts(self._types, span.code.endpoint, api, older)
        identity = (id(span.code), id(chain), key, parts.fingerprint, id(fallback))
        plan = self._plans.get(identity)
        if plan is None:
            plan = self._plans[identity] = self._compiler.compile(key, span.code, chain, parts, fallback)
            self._origins[id(plan.facts.stages)] = span.code, chain
        return plan


def _by_template(
    plans: list[Plan | None], spans: Sequence[Span], beside: PathTemplate | None, path: str
) -> Iterable[tuple[PathTemplate, list[Plan | None]]]:
    """Yield each template by which some of *plans* are found, and these.

    Args:
        spans: The handlers that are called so themselves.
        beside: The template of *path* for another method; what was moved away goes by it, if nothing took its place.
    """
    own = {id(span.code.definition.declaration.callback): span.code.definition.declaration.template for span in spans}
    bare = PathTemplate.parse(path) if spans or beside is None else beside
    templates = [None if plan is None else own.get(id(plan.callback), bare) for plan in plans]
    different = {template.text: template for template in templates if template is not None} or {bare.text: bare}
    for text, template in different.items():
        if len(different) == 1:
            yield template, plans
        else:
            pairs = zip(plans, templates, strict=True)
            yield template, [plan if each is not None and each.text == text else None for plan, each in pairs]

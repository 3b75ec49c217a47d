"""Property 15: a compatible version activates under the configured strategy.

Histories of one endpoint's types are made of edits whose effect on older clients is known from what they are, not from
a diff: each touches members of its own, so none can mend another. The oracle adds up what was done since each live
version; the code under test compares what was recorded.
"""

from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perdure import Config, Revision, RolloutSettings
from perdure.clock import FakeClock
from perdure.gtype.nodes import Field, Integer, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.rollout.rollout import Rollout
from perdure.store.memory import MemoryStore
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.timescape import Timescape

Kind = Literal["request", "response"]
STRATEGIES = ("automatic", "compatible", "manual")


class Edit(NamedTuple):
    """A change of what clients send (``In``) or read (``Out``), and whether a transformer carries it."""

    what: str
    carried: bool

    @property
    def side(self) -> Kind:
        return "request" if self.what.startswith("in") else "response"

    @property
    def breaks(self) -> bool:
        """As anyone who calls an API would say."""
        return self.what in {"in: new required member", "in: member narrows", "out: member gone", "out: member widens"}


WHATS = (
    "in: new required member", "in: new optional member", "in: member narrows", "in: member widens",
    "out: member gone", "out: new member", "out: member widens", "out: member narrows",
)  # fmt: skip
edits = st.builds(Edit, st.sampled_from(WHATS), st.booleans())
histories = st.lists(st.lists(edits, max_size=2), min_size=1, max_size=5)
TEXT = String()
BOUNDED = String(max_length=10)


def first_api(count: int) -> Api:
    """Return an API with members enough for *count* edits to have their own."""
    fields = [
        Field(name=f"{kind}{n}", node=TEXT if kind == "open" else BOUNDED)
        for n in range(count)
        for kind in ("open", "bound")
    ]
    endpoint = Endpoint(handler="pets", body=Ref(name="In"), response=Ref(name="Out"))
    whole = Object(fields=(Field(name="id", node=Integer()), *fields))
    return Api(types={"In": whole, "Out": whole}, endpoints={"POST /pets": endpoint})


def edited(api: Api, edit: Edit, number: int) -> Api:
    name = "In" if edit.side == "request" else "Out"
    node = api.types[name]
    assert isinstance(node, Object)
    fields = {field.name: field for field in node.fields}
    what = edit.what.partition(": ")[2]
    if what == "new required member":
        fields[f"new{number}"] = Field(name=f"new{number}", node=TEXT)
    elif what == "new optional member":
        fields[f"new{number}"] = Field(name=f"new{number}", node=TEXT, required=False)
    elif what == "new member":
        fields[f"new{number}"] = Field(name=f"new{number}", node=TEXT)
    elif what == "member gone":
        del fields[f"open{number}"]
    elif what == "member narrows":
        fields[f"open{number}"] = replace(fields[f"open{number}"], node=BOUNDED)
    else:
        fields[f"bound{number}"] = replace(fields[f"bound{number}"], node=TEXT)
    return replace(api, types={**api.types, name: replace(node, fields=tuple(fields.values()))})


def recorded(history: list[list[Edit]]) -> list[RecordedRevision]:
    api = first_api(sum(map(len, history)))
    revisions = [record("r0", Revision("2025-01-01"), before=Api(), after=api)]
    number = 0
    for place, changes in enumerate(history, 1):
        revision, after = Revision(f"2025-01-{place + 1:02}", after=f"r{place - 1}"), api
        for edit in changes:
            after = edited(after, edit, number)
            number += 1
            if edit.carried:
                declare = revision.request if edit.side == "request" else revision.response
                declare("In" if edit.side == "request" else "Out")(lambda value: value)
        revisions.append(record(f"r{place}", revision, before=api, after=after))
        api = after
    return revisions


def expected(history: list[list[Edit]], known: int, strategy: str) -> list[str]:
    """Return the status of each version: the first build had the oldest *known*, the second has all."""
    live = set(range(known))
    for place in range(known, len(history) + 1):
        breaking = {
            older: [
                edit
                for changes in history[older:place]
                for edit in changes
                if edit.breaks
                and not any(
                    other.carried and other.side == edit.side for step in history[older:place] for other in step
                )
            ]
            for older in live
            if older < place
        }
        if strategy == "automatic" or (strategy == "compatible" and not any(breaking.values())):
            live.add(place)
    return ["active" if place in live else "registered" for place in range(len(history) + 1)]


@settings(max_examples=200, deadline=None)
@given(histories, st.data(), st.sampled_from(STRATEGIES))
def test_version_activates_by_itself_as_the_strategy_says(
    history: list[list[Edit]], data: st.DataObject, strategy: Literal["automatic", "compatible", "manual"]
) -> None:
    known = data.draw(st.integers(1, len(history)))
    revisions, store = recorded(history), MemoryStore()
    config = Config(rollout=RolloutSettings(activation=strategy))

    def register(count: int) -> Timescape:
        timescape = Timescape(revisions[:count])
        Rollout("pets", timescape, store, config, FakeClock()).register()
        return timescape

    register(known)
    assert ["active"] * known == [each.status for each in store.control("pets").versions.values()], "nothing served yet"
    timescape = register(len(revisions))
    wanted = expected(history, known, strategy)
    control = store.control("pets")
    names = [version.name for version in timescape.versions]
    assert wanted == [control.versions[name].status for name in names]
    newest = max(place for place, status in enumerate(wanted) if status == "active")
    assert newest == timescape.default, "who asks for nothing gets the newest version that is active"
    assert (
        frozenset(place for place, status in enumerate(wanted) if status != "active") == timescape.state.steering.hidden
    )
    register(len(revisions))
    assert control == store.control("pets"), "a restart decides nothing"

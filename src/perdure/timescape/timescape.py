"""The versions of an API: which there are, which one a client means, and what the API was then.

What is decided at run time (tags, retirement, who is served what) arrives as a `Steering` and is obeyed from the next
request on.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, final

import msgspec

from perdure.context.exchange import Exchange
from perdure.errors import ConfigError, UnknownVersionError, VersionClosedError
from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.resolution import Resolver, format_tsv
from perdure.timescape.semver import parse_range, parse_semver
from perdure.timescape.steering import OPEN, Steering
from perdure.timescape.versions import UNVERSIONED, Version, order_versions

__all__ = ["HeaderItems", "State", "Timescape"]

HeaderItems = tuple[tuple[str, str], ...]
"""Names, in lower case, and values."""

_LIMIT_KNOWN: Final = 1024
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


@final
class State:
    """All that depends on tags and on what was decided at run time; replaced as one, never changed.

    Attributes:
        versions: All versions, oldest first, with their tags.
        resolver: Resolves what is asked for by a name of its own.
        known: Versions that were asked for before and may be served to anybody. A slow look-up that overlaps a change
            of state can only leave its answer in the one it read, so nothing here goes stale.
        default: Index of the version that serves a client that asks for none, unless *choose* says otherwise.
        choose: Serves who asks for nothing, where that depends on who asks.
        settle: Hears what those got who asked for nothing; None where nobody wants to know.
        headers: For each version, what its answers carry.
        steering: The decisions.
    """

    __slots__ = ("by_client", "choose", "default", "headers", "known", "resolver", "settle", "steering", "versions")

    def __init__(
        self, versions: tuple[Version, ...], resolver: Resolver, default: int, headers: tuple[HeaderItems, ...],
        steering: Steering, default_tag: str,
    ) -> None:  # fmt: skip
        self.versions = versions
        self.resolver = resolver
        self.known: dict[str, int] = {}
        self.default = default
        self.choose = steering.choose or steering.splits.get(default_tag)
        self.by_client = bool(steering.choose or steering.settle or steering.splits)
        """Who asks may decide which version serves."""
        if self.choose is None and default in steering.closed:
            self.choose = lambda _: default
        self.settle = steering.settle
        self.headers = headers
        self.steering = steering

    def find(self, text: str, exchange: Exchange) -> int:
        """Return the index of the version *text* asks for, for the client of *exchange*.

        Raises:
            UnknownVersionError: As `Resolver.resolve`.
            VersionClosedError: That version is not served any more, or not now.
        """
        split = self.steering.splits.get(text.strip(" "))
        if split is not None:
            return self.open(split(exchange))
        index = self.open(self.resolver.resolve(text))
        if len(self.known) >= _LIMIT_KNOWN:
            self.known.clear()
        self.known[text] = index
        return index

    def find_default(self, exchange: Exchange) -> int:
        """Return the index of the version for a client that asks for none; raises as `find`."""
        return self.open(self.default if self.choose is None else self.choose(exchange))

    def open(self, index: int) -> int:
        """Return *index*.

        Raises:
            VersionClosedError: That version is not served any more, or not now.
        """
        closed = self.steering.closed.get(index)
        if closed is None:
            return index
        raise VersionClosedError(
            self.versions[index].name, closed.reason, closed.successor, closed.retry_after_s, closed.headers
        )


@final
class Timescape:
    """The versions of one API.

    Every revision is a version, and so is what handlers are explicitly declared for. An API with neither has one
    version, called ``unversioned``, from 1970 on: any date leads to it.

    Args:
        revisions: Recorded revisions, oldest first, as `load_revisions` returns them.
        extra: Dates, instants or labels that handlers are declared for.
        tags: For each tag, what it stands for: anything `resolve` takes. ``stable`` may be overridden.
        default: What a client gets that asks for nothing: anything `resolve` takes.
        header: Name, in lower case, of the header that tells clients their version.
    Raises:
        RevisionError: *extra* cannot be put in order with *revisions*.
        ConfigError: A tag's name could be mistaken for something else, or it, or *default*, stands for no version.
    Source: SPEC 3.5, property 33.

    Attributes:
        state: What holds at this moment. Read it once per request.
    """

    def __init__(
        self, revisions: Sequence[RecordedRevision] = (), extra: Iterable[str] = (),
        tags: Mapping[str, str] | None = None, default: str = "stable", header: str = "api-version",
    ) -> None:  # fmt: skip
        self._revisions = {revision.name: revision for revision in revisions}
        self._versions = order_versions(revisions, extra)
        self._apis = self._recorded_apis()
        self._default = default
        self._header = header
        own = Resolver(self._versions, self._all_tags({}, self._versions))
        self._configured = {tag: self._stands_for(tag, wanted, own) for tag, wanted in (tags or {}).items()}
        self.state = self._with(OPEN)

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first, with their tags of this moment."""
        return self.state.versions

    @property
    def head(self) -> int:
        """Index of the newest version."""
        return len(self._versions) - 1

    @property
    def default(self) -> int:
        """Index of the version that serves a client that asks for none."""
        return self.state.default

    @property
    def default_tag(self) -> str:
        """What a client gets that asks for nothing, as it was configured: ``stable``."""
        return self._default

    def api_at(self, index: int) -> Api:
        """Return the recorded API of version *index*: of its revision, or of the last one before; empty if none."""
        return self._apis[index]

    def revision_at(self, index: int) -> RecordedRevision | None:
        """Return the revision that made version *index*; None where only a handler's declaration did."""
        name = self._versions[index].revision
        return None if name is None else self._revisions[name]

    def resolve(self, text: str) -> int:
        """Return the index of the version *text* asks for, served or not; see `Resolver.resolve`."""
        return self.state.resolver.resolve(text)

    def resolve_tsv(self, text: str, handler_id: str) -> int:
        """Return the index of the version the TSV *text* names; see `Resolver.resolve_tsv`."""
        return self.state.resolver.resolve_tsv(text, handler_id)

    def tsv(self, handler_id: str, index: int) -> str:
        """Return the id of *handler_id* at version *index*; those of one handler sort as their versions do."""
        return format_tsv(self._versions[index], handler_id)

    def steer(self, steering: Steering) -> None:
        """Obey *steering*, and nothing that was decided before, from the next request on.

        Raises:
            ConfigError: It hides every version; or a tag could be mistaken for something else.
        """
        for tag in steering.tags:
            self.refuse_tag(tag)
        self.state = self._with(steering)

    def refuse_tag(self, tag: str) -> None:
        """Refuse a name no tag may have.

        Raises:
            ConfigError: *tag* is taken, or could be mistaken for something else that is asked for.
        """
        is_taken = tag in {"latest", UNVERSIONED} or any(tag == version.name for version in self._versions)
        if is_taken or _TAG.fullmatch(tag) is None or parse_range(tag) is not None:
            raise ConfigError(f"{tag!r} cannot be a tag: it is taken, or reads as a version or a range of versions")

    def _stands_for(self, tag: str, wanted: str, resolver: Resolver) -> int:
        self.refuse_tag(tag)
        try:
            return resolver.resolve(wanted)
        except UnknownVersionError as error:
            raise ConfigError(f"the tag {tag!r} cannot stand for {wanted!r}: {error}") from error

    def _with(self, steering: Steering) -> State:
        visible = tuple(each for each in self._versions if each.index not in steering.hidden)
        if not visible:
            raise ConfigError("every version is hidden; one must be active")
        served = tuple(each for each in visible if each.index not in steering.closed) or visible
        tags = {tag: index for tag, index in self._configured.items() if index not in steering.hidden}
        tags = self._all_tags(tags | dict(steering.tags), served)
        resolver = Resolver(visible, tags, steering.closed.keys())
        try:
            default = resolver.resolve(self._default)
        except UnknownVersionError as error:
            raise ConfigError(
                f"the default version does not exist: {error}; there are {', '.join(error.known)}"
            ) from error
        names: dict[int, tuple[str, ...]] = {}
        for tag, index in tags.items():
            names[index] = (*names.get(index, ()), tag)
        tagged = tuple(msgspec.structs.replace(each, tags=names.get(each.index, ())) for each in self._versions)
        headers = tuple(((self._header, each.name), *steering.headers.get(each.index, ())) for each in tagged)
        return State(tagged, resolver, default, headers, steering, self._default)

    def _all_tags(self, chosen: Mapping[str, int], served: Sequence[Version]) -> dict[str, int]:
        return {"latest": served[-1].index, "stable": _newest_release(served), **chosen}

    def _recorded_apis(self) -> tuple[Api, ...]:
        apis: list[Api] = []
        for version in self._versions:
            if version.revision is not None:
                apis.append(self._revisions[version.revision].after)
            else:
                apis.append(apis[-1] if apis else Api())
        return tuple(apis)


def _newest_release(versions: Sequence[Version]) -> int:
    """Return the newest of *versions* that its label does not call a pre-release; the newest if all are."""
    for version in reversed(versions):
        semver = parse_semver(version.label) if version.label is not None else None
        if semver is None or not semver.prerelease:
            return version.index
    return versions[-1].index

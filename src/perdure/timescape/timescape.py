"""The versions of an API: which there are, which one a client means, and what the API was then."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, final

import msgspec

from perdure.errors import ConfigError, UnknownVersionError
from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.resolution import Resolver, format_tsv
from perdure.timescape.semver import parse_range, parse_semver
from perdure.timescape.versions import UNVERSIONED, Version, order_versions

__all__ = ["Timescape"]

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class _State(NamedTuple):
    """All that depends on tags; replaced as one, never changed."""

    versions: tuple[Version, ...]
    resolver: Resolver
    default: int
    chosen: dict[str, int]
    """The tags set by hand."""


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
    Raises:
        RevisionError: *extra* cannot be put in order with *revisions*.
        ConfigError: A tag's name could be mistaken for something else, or it, or *default*, stands for no version.
    Source: SPEC 3.5, property 33.
    """

    def __init__(
        self, revisions: Sequence[RecordedRevision] = (), extra: Iterable[str] = (),
        tags: Mapping[str, str] | None = None, default: str = "stable",
    ) -> None:  # fmt: skip
        self._revisions = {revision.name: revision for revision in revisions}
        self._versions = order_versions(revisions, extra)
        self._apis = self._recorded_apis()
        self._default = default
        own = Resolver(self._versions, self._all_tags({}))
        self._state = self._with({tag: self._stands_for(tag, wanted, own) for tag, wanted in (tags or {}).items()})

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first, with their tags of this moment."""
        return self._state.versions

    @property
    def head(self) -> int:
        """Index of the newest version."""
        return len(self._versions) - 1

    @property
    def default(self) -> int:
        """Index of the version that serves a client that asks for none."""
        return self._state.default

    def api_at(self, index: int) -> Api:
        """Return the recorded API of version *index*: of its revision, or of the last one before; empty if none."""
        return self._apis[index]

    def revision_at(self, index: int) -> RecordedRevision | None:
        """Return the revision that made version *index*; None where only a handler's declaration did."""
        name = self._versions[index].revision
        return None if name is None else self._revisions[name]

    def resolve(self, text: str) -> int:
        """Return the index of the version *text* asks for; see `Resolver.resolve`."""
        return self._state.resolver.resolve(text)

    def resolve_tsv(self, text: str, handler_id: str) -> int:
        """Return the index of the version the TSV *text* names; see `Resolver.resolve_tsv`."""
        return self._state.resolver.resolve_tsv(text, handler_id)

    def tsv(self, handler_id: str, index: int) -> str:
        """Return the id of *handler_id* at version *index*; those of one handler sort as their versions do."""
        return format_tsv(self._versions[index], handler_id)

    def set_tag(self, tag: str, wanted: str) -> None:
        """Let *tag* stand for the version that *wanted* leads to now. Requests from here on see it.

        Raises:
            ConfigError: *tag* could be mistaken for something else, or *wanted* leads to no version.
        """
        index = self._stands_for(tag, wanted, self._state.resolver)
        self._state = self._with({**self._state.chosen, tag: index})

    def drop_tag(self, tag: str) -> None:
        """Forget *tag*, if it was set; ``stable`` gets its own meaning back.

        Raises:
            ConfigError: *tag* is what clients get that ask for nothing.
        """
        self._state = self._with({name: index for name, index in self._state.chosen.items() if name != tag})

    def _stands_for(self, tag: str, wanted: str, resolver: Resolver) -> int:
        is_taken = tag in {"latest", UNVERSIONED} or any(tag == version.name for version in self._versions)
        if is_taken or _TAG.fullmatch(tag) is None or parse_range(tag) is not None:
            raise ConfigError(f"{tag!r} cannot be a tag: it is taken, or reads as a version or a range of versions")
        try:
            return resolver.resolve(wanted)
        except UnknownVersionError as error:
            raise ConfigError(f"the tag {tag!r} cannot stand for {wanted!r}: {error}") from error

    def _with(self, chosen: dict[str, int]) -> _State:
        tags = self._all_tags(chosen)
        resolver = Resolver(self._versions, tags)
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
        return _State(tagged, resolver, default, chosen)

    def _all_tags(self, chosen: Mapping[str, int]) -> dict[str, int]:
        return {"latest": self.head, "stable": self._newest_release(), **chosen}

    def _newest_release(self) -> int:
        """Return the newest version that its label does not call a pre-release; the newest if all are."""
        for version in reversed(self._versions):
            semver = parse_semver(version.label) if version.label is not None else None
            if semver is None or not semver.prerelease:
                return version.index
        return self.head

    def _recorded_apis(self) -> tuple[Api, ...]:
        apis: list[Api] = []
        for version in self._versions:
            if version.revision is not None:
                apis.append(self._revisions[version.revision].after)
            else:
                apis.append(apis[-1] if apis else Api())
        return tuple(apis)

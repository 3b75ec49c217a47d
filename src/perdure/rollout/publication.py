"""What a build of an app tells the store: its versions, and the manifests of its handlers."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from perdure.manifest.records import Api, HandlerManifest, endpoint_key
from perdure.rollout.carried import renamed_lines
from perdure.store.records import Publication, PublishedVersion
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.timescape import Timescape

__all__ = ["publication_of"]

_CONVERTER = re.compile(r"\{([^{}:]+):[^{}]*\}")


def publication_of(
    app: str, timescape: Timescape, manifests: Sequence[HandlerManifest], *, has_drafts: bool = False
) -> Publication:
    """Return what the build of *app* with these versions and handlers publishes.

    Args:
        has_drafts: Revisions that are not marked as published may change later; else none may.
    """
    versions: list[PublishedVersion] = []
    api = Api()
    for version in timescape.versions:
        revision = timescape.revision_at(version.index)
        api = (
            timescape.api_at(version.index)
            if revision is not None
            else _declared(api, version.index, timescape, manifests)
        )
        versions.append(
            PublishedVersion(
                name=version.name, seconds=version.seconds, number=version.number, label=version.label,
                revision=version.revision, digest=_digest(revision, has_drafts=has_drafts), api=api,
                transformers=_transformers(revision),
            )
        )  # fmt: skip
    return Publication(app=app, versions=tuple(versions), manifests=tuple(manifests))


def _declared(before: Api, index: int, timescape: Timescape, manifests: Sequence[HandlerManifest]) -> Api:
    """Return the API of a version that no revision recorded: as it was, with what handlers are declared for it."""
    types, endpoints = dict(before.types), dict(before.endpoints)
    for manifest in manifests:
        if manifest.version == timescape.tsv(manifest.id, index):
            types |= manifest.types
            path = _CONVERTER.sub(r"{\1}", manifest.path)
            endpoints |= {endpoint_key(method, path): manifest.endpoint for method in manifest.methods}
    return replace(before, types=types, endpoints=endpoints)


def _digest(revision: RecordedRevision | None, *, has_drafts: bool) -> str:
    if revision is None or (has_drafts and not revision.is_published):
        return ""
    return revision.digest


def _transformers(revision: RecordedRevision | None) -> tuple[str, ...]:
    if revision is None:
        return ()
    # A file with holes converts nothing yet.
    written = () if revision.holes else revision.transformers
    carried = [f"{each.direction} {each.target}".rstrip() for each in written]
    moved = [f"moved {move.old} to {move.new}" for move in revision.moves]
    return (*carried, *moved, *renamed_lines(revision.renames))

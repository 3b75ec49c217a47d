"""Marking revisions as published: from then on they are what clients rely on."""

from pathlib import Path

from perdure.errors import RevisionError
from perdure.timescape.authoring.folder import write_files
from perdure.timescape.delta import Seal, delta, encode_delta
from perdure.timescape.loading import load_revisions

__all__ = ["publish_revisions"]


def publish_revisions(folder: Path) -> list[str]:
    """Mark all revisions in *folder* as published, seal those that are not sealed, and return the names of these.

    Raises:
        RevisionError: A revision still has a hole, the folder cannot be loaded, or a file cannot be written.
    """
    revisions = load_revisions(folder) if folder.is_dir() else ()
    fresh = [each for each in revisions if not each.is_published]
    for each in fresh:
        if each.holes:
            hole = each.holes[0]
            raise RevisionError(f"{each.file}:{hole.line}: still to decide: {hole.what}; then publish")
    texts = {
        f"{each.name}.json": encode_delta(
            each.name, delta(each.before, each.after, each.renames), Seal(digest=each.digest, published=True)
        )
        for each in fresh
    }
    write_files(folder, texts)
    return [each.name for each in fresh]

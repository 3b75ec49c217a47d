"""The versions a store knows, by the names people use for them, and who depends on each."""

from collections.abc import Mapping
from typing import final

from msgspec import Struct

from perdure.errors import DecisionError
from perdure.store.records import Control, PublishedVersion
from perdure.timescape.semver import parse_semver

__all__ = ["Roster", "open_versions", "successor_of"]

_LISTED = 12


@final
class Roster(Struct, frozen=True, kw_only=True):
    """What an operator's words are looked up in."""

    versions: tuple[PublishedVersion, ...]
    """Oldest first."""
    control: Control
    tags: Mapping[str, str] = {}
    """All tags there are, those of the configuration, ``latest`` and ``stable`` too, and the version each leads to."""
    default: str = "stable"
    """What clients get that ask for nothing."""
    pinned: Mapping[str, int] = {}
    """How many clients are pinned to each version."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all versions, oldest first."""
        return tuple(version.name for version in self.versions)

    def find(self, text: str) -> str:
        """Return the name of the version *text* means: a name, a label, a revision or a tag, in full.

        Dates between versions and ranges lead clients somewhere; who decides about a version calls it by its name.

        Raises:
            DecisionError: There is none; the message lists what there is.
        """
        wanted = parse_semver(text)
        for version in self.versions:
            label = parse_semver(version.label) if version.label is not None else None
            if text in {version.name, version.revision} or (label is not None and label == wanted):
                return version.name
        if text in self.tags:
            return self.tags[text]
        raise DecisionError(f"there is no version {text!r}; there {self._listed()}")

    def dependants(self, name: str) -> tuple[str, ...]:
        """Return what leads to the version *name*, each as a sentence."""
        found = [f"the tag {tag!r} stands for it" for tag, target in self.tags.items() if target == name]
        found += [
            f"the tag {tag!r} shares clients out to it"
            for tag, weights in self.control.weights.items()
            if weights.get(name, 0) > 0
        ]
        if self.pinned.get(name):
            clients = self.pinned[name]
            found.append(f"{clients} client{' is' if clients == 1 else 's are'} pinned to it")
        if self.control.versions[name].retained:
            found.append("it is retained")
        return tuple(found)

    def _listed(self) -> str:
        labels = [f"{each.name} ({each.label})" if each.label not in {None, each.name} else each.name
                  for each in self.versions]  # fmt: skip
        if not labels:
            return "are none: nothing was registered yet"
        shown = labels[-_LISTED:]
        more = f" and {len(labels) - len(shown)} older" if len(labels) > len(shown) else ""
        tags = f"; tags: {', '.join(sorted(self.tags))}" if self.tags else ""
        return f"{'is' if len(labels) == 1 else 'are'} {', '.join(shown)}{more}{tags}"


def open_versions(names: tuple[str, ...], control: Control) -> tuple[str, ...]:
    """Return those of *names* that serve who asks for them, in order; what was never decided about serves."""
    return tuple(name for name in names if name not in control.versions or control.versions[name].status == "active")


def successor_of(name: str, names: tuple[str, ...], control: Control) -> str | None:
    """Return the version that clients of *name* best move to; None where there is no other.

    The next newer one that serves and is not on its way out itself; else the newest of those that serve.
    """
    place = names.index(name)
    for newer in open_versions(names[place + 1 :], control):
        if not _is_ending(control, newer):
            return newer
    serving = [each for each in open_versions(names, control) if each != name]
    left = [each for each in serving if not _is_ending(control, each)] or serving
    return left[-1] if left else None


def _is_ending(control: Control, name: str) -> bool:
    decided = control.versions.get(name)
    return decided is not None and (decided.deprecated_s is not None or decided.sunset_s is not None)

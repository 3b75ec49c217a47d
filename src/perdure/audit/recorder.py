"""Makes a line of each request, on the event loop, in about a microsecond.

Of what a line says, half is the same for all requests of a handler in one version, and encoded once. The rest is one
small record, encoded at once: the request's own objects are hot in the cache now, and need not be kept.

Source: SPEC 3.11, property 42.
"""

from collections.abc import Callable
from time import time
from typing import Final, final

import msgspec

from perdure.audit.details import detailed, printable
from perdure.audit.records import PlanFacts, RefusalRecord, RequestRecord, SecretRecord, body_of
from perdure.audit.writer import AuditWriter
from perdure.context.events import Stage
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.errors import OverloadedError

__all__ = ["AuditRecorder", "Describe"]

Describe = Callable[[HandlerFacts], tuple[str, tuple[str, ...]]]
"""Returns the hash of a handler's manifest, and the revisions whose transformers its requests go through."""

_MUCH: Final = 4096
"""Records from which on the writer is called before its time."""
_PATH_LONGEST: Final = 8192
"""Characters of a path that is refused, perhaps for its length; of others `Config.url_limit_bytes` is the limit."""
_MOST_KNOWN: Final = 10_000
"""Handlers in versions that are remembered; plans that a request makes for itself count too, so it has to end."""
_encode: Final = msgspec.json.Encoder().encode
_time: Final = time


@final
class _Known:
    """What one handler's lines in one version begin with."""

    __slots__ = ("facts", "is_left_out", "prefix", "times")

    def __init__(self, facts: HandlerFacts, prefix: bytes, times: int, *, is_left_out: bool) -> None:
        self.facts = facts  # kept, so that its id stays its own
        self.prefix = prefix
        self.times = times
        """How many times a request leaves behind that goes from stage to stage."""
        self.is_left_out = is_left_out


@final
class AuditRecorder(Recorder):
    """See `perdure.context.recording.Recorder`.

    Args:
        writer: Keeps the lines.
        describe: Knows the handlers.
        exclude: Ids of handlers whose requests are not recorded.
        keeps_unserved: Whether health checks and the like are.
        mask: Replaces the values of secrets in a text.
    """

    __slots__ = ("_crowded", "_describe", "_exclude", "_keeps_unserved", "_known", "_mask", "_waiting", "_writer")

    def __init__(
        self, writer: AuditWriter, describe: Describe, exclude: tuple[str, ...], keeps_unserved: bool,
        mask: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._writer = writer
        self._waiting: list[bytes] = writer.waiting
        self._crowded: int = min(writer.crowded, _MUCH)
        self._describe = describe
        self._exclude = frozenset(exclude)
        self._keeps_unserved = keeps_unserved
        self._mask = mask
        self._known: dict[str, dict[int, _Known]] = {}

    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        """See `Recorder.finished`."""
        facts, version = lctx._facts, lctx._version  # noqa: SLF001 - recorders read what the controller leaves
        try:
            known = self._known[version][id(facts)]
        except KeyError:
            known = self._learn(facts, version)
        if known.is_left_out:
            return
        moments, exchange = lctx._moments, lctx._exchange  # noqa: SLF001 - as above
        principal = exchange.principal
        if len(moments) == known.times:
            try:
                times: list[float] = moments  # type: ignore[assignment]  # compiled, a mark is no float either
                came = times[0]
                us = [int((at - came) * 1e6) for at in times]
                record = _encode(
                    RequestRecord(
                        _time(), lctx.request_id, exchange.client, None if principal is None else principal.key,
                        exchange.method, exchange.path, status, size_bytes, us,
                    )
                )  # fmt: skip
            except (TypeError, UnicodeEncodeError):  # it holds a mark, or text from the client that is none
                record = _encode(detailed(lctx, status, size_bytes, ended, time(), self._mask))
        else:
            record = _encode(detailed(lctx, status, size_bytes, ended, time(), self._mask))
        waiting = self._waiting
        if len(waiting) < self._crowded:
            waiting.append(known.prefix + record[1:-1])
        else:
            self._add_to_many(known.prefix + record[1:-1])

    def refused(self, refusal: Refusal) -> None:
        """See `Recorder.refused`."""
        facts, exchange, error = refusal.facts, refusal.exchange, refusal.error
        if facts is None and refusal.status < 400 and not self._keeps_unserved:
            return
        if self._writer.is_full and isinstance(error, OverloadedError):
            self._writer.refused += 1
            return
        principal = exchange.principal
        record = RefusalRecord(
            handler=None if facts is None else facts.handler, route=None if facts is None else facts.route,
            version=refusal.version, at=time(), id=refusal.request_id, client=printable(exchange.client),
            principal=None if principal is None else printable(principal.key), method=printable(exchange.method),
            path=printable(exchange.path[:_PATH_LONGEST]), status=refusal.status, bytes=refusal.size_bytes,
            us=int((refusal.ended - refusal.started) * 1e6), error=type(error).__name__,
            reason=printable(self._mask(str(error))),
        )  # fmt: skip
        self._add_to_many(body_of(record))

    def secret_read(self, secret: str, reader: str, outcome: str, provider: str, request_id: str | None) -> None:
        """Note that a secret was asked for; see `SecretRecord`."""
        record = SecretRecord(
            at=time(), secret=printable(secret), reader=printable(reader), outcome=outcome, provider=provider,
            request=request_id,
        )  # fmt: skip
        self._add_to_many(body_of(record))

    def _add_to_many(self, body: bytes) -> None:
        writer, waiting = self._writer, self._waiting
        if len(waiting) >= writer.crowded:
            writer.crowd(body)
        else:
            waiting.append(body)
            if len(waiting) == self._crowded + 1:  # once for each time it becomes much
                writer.hasten()

    def _learn(self, facts: HandlerFacts, version: str) -> _Known:
        manifest, transformers = self._describe(facts)
        plan = PlanFacts(
            handler=facts.handler, route=facts.route, version=version, manifest=manifest, transformers=transformers,
            stages=tuple(map(_told, facts.stages)),
        )  # fmt: skip
        if sum(map(len, self._known.values())) >= _MOST_KNOWN:
            self._known.clear()
        known = _Known(facts, body_of(plan) + b",", len(facts.stages) + 1, is_left_out=facts.handler in self._exclude)
        self._known.setdefault(version, {})[id(facts)] = known
        return known


def _told(stage: Stage) -> str:
    if stage.name == stage.kind:
        return stage.kind
    return " ".join(part for part in (stage.kind, stage.level, stage.name) if part)

"""Small things to keep."""

from msgspec.structs import replace

from perdure.gtype.nodes import Array, Field, Integer, Node, Object, Ref, String
from perdure.manifest.records import Api, Endpoint, HandlerManifest, HookRecord
from perdure.store.records import HealthReport, Publication, PublishedVersion, UsageCount

__all__ = ["DIGEST", "api", "manifest", "publication", "report", "usage", "version"]

DIGEST = "5" * 64


def api(size: int = 2, *, first: Node = String()) -> Api:  # noqa: B008
    """Return an API of *size* types and endpoints; *first* is the member of the first type."""
    types: dict[str, Node] = {
        f"Type{number}": Object(fields=(Field(name="value", node=first if number == 0 else Integer(ge=number)),))
        for number in range(size)
    }
    endpoints = {
        f"POST /things{number}": Endpoint(
            handler=f"things{number}", body=Ref(name=f"Type{number}"), response=Array(items=Ref(name=f"Type{number}"))
        )
        for number in range(size)
    }
    return Api(types=types, endpoints=endpoints)


def version(name: str = "2026-01-01", *, seconds: int = 100, digest: str = "", api: Api = api()) -> PublishedVersion:  # noqa: B008
    """Return a published version."""
    return PublishedVersion(
        name=name, seconds=seconds, label=f"v{seconds}.0.0", revision=f"{name}_something", digest=digest, api=api,
        transformers=("request Money", "response Money"),
    )  # fmt: skip


def manifest(handler: str = "things0", *, version: str = "", summary: str = "") -> HandlerManifest:
    """Return the manifest of one handler."""
    whole = api()
    return HandlerManifest(
        id=handler, version=version or f"tsv:100-{handler}-000", name=f"app.{handler}", path="/things0",
        methods=("POST",), endpoint=whole.endpoints["POST /things0"], types={"Type0": whole.types["Type0"]},
        hooks=(HookRecord(name="check", kind="before", level="route", order=1, is_async=True, timeout_s=0.5),),
        policies={"cancel_on_disconnect": True, "body_limit_bytes": 10}, modules=("store",), summary=summary,
    )  # fmt: skip


def publication(*versions: PublishedVersion, app: str = "shop", summary: str = "") -> Publication:
    """Return what a build of an app with one handler publishes."""
    return Publication(app=app, versions=versions or (version(),), manifests=(manifest(summary=summary),))


def usage(client: str = "ada", *, version: str = "2026-01-01", hour: int = 5, requests: int = 1) -> UsageCount:
    """Return a count."""
    return UsageCount(version=version, client=client, hour=hour, requests=requests, last_s=hour * 3600.0 + requests)


def report(process: str = "one", *, version: str = "2026-01-01", at_s: float = 1000.0) -> HealthReport:
    """Return what a process says of a version."""
    first = HealthReport(version=version, process=process, at_s=0.0, requests=10, errors=1, slow=0, healthy=True)
    return replace(first, at_s=at_s)

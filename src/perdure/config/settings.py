"""What can be set about an `App`; frozen, checked when built.

Source: SPEC 3.5, 3.6.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

from msgspec import Struct
from msgspec.structs import force_setattr

from perdure.config.audit import AuditSettings
from perdure.config.checks import check_path, check_positive, check_types, freeze, is_header_name, sendable_headers
from perdure.config.identity import AuthSettings
from perdure.config.ingress import CorsSettings, ProxySettings, check_hosts
from perdure.config.kinds import FilePath, StoreUrl
from perdure.config.logs import LogSettings
from perdure.config.metrics import MetricsSettings
from perdure.config.policy import CapacitySettings, RateSettings
from perdure.config.rollout import RolloutSettings
from perdure.config.secrets import SecretSettings
from perdure.config.traces import OtlpSettings, TraceSettings
from perdure.errors import ConfigError

__all__ = ["Config"]


@final
class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an `App`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    version_header: str = "API-Version"
    """Request header by which a client names its version; the same header tells it what it got."""
    version_query: str | None = "version"
    """Query parameter that does the same where the header is absent; None turns it off."""
    default_version: str = "stable"
    """What a client that names no version gets: any version text, usually a tag."""
    tags: Mapping[str, str] = MappingProxyType({})
    """Names for versions: ``{"partners": "v2.0.0"}``."""
    request_timeout_s: float = 30.0
    """Time a request may take, from its arrival to its answer, its body included; a route can set its own."""
    cleanup_timeout_s: float = 5.0
    """Time each catch hook and each compensation may take after a failure."""
    drain_timeout_s: float = 30.0
    """Time requests in flight have to finish when the server stops."""
    body_limit_bytes: int = 2 * 1024 * 1024
    """Largest request body held in memory; a route can set its own."""
    upload_limit_bytes: int = 256 * 1024 * 1024
    """Largest multipart or streamed body."""
    header_limit_count: int = 100
    """Most header fields of a request."""
    header_limit_bytes: int = 32 * 1024
    """All header values together, in characters."""
    trust_request_id: bool = False
    """Take over a well-formed ``X-Request-ID`` from the client."""
    check_responses: bool = True
    """Validate what handlers answer before it leaves."""
    worker_threads: int = 16
    """Threads that run sync handlers."""
    store_url: StoreUrl | None = None
    """Where the Manifest Store is: ``sqlite:///PATH``, ``postgresql://…`` or ``memory:``."""
    rollout: RolloutSettings = RolloutSettings()
    """How versions come and go."""
    openapi_path: str | None = "/openapi.json"
    """Where the OpenAPI document of each version is; None turns it off. A route of the app's own goes first."""
    docs_path: str | None = "/docs"
    """Where people find the documentation of each version, with everything it needs below; as *openapi_path*, without
    which there is none."""
    alembic_ini: FilePath = "alembic.ini"
    """Alembic's configuration of the app's own database, for the steps that revisions name; relative to the
    settings file that names it, else to the folder the server runs in."""
    auth: AuthSettings = AuthSettings()
    """Who may come in."""
    rates: RateSettings = RateSettings()
    """How often."""
    capacity: CapacitySettings = CapacitySettings()
    """How much is done at once."""
    proxies: ProxySettings = ProxySettings()
    """Who is believed about where a request comes from."""
    hosts: tuple[str, ...] = ()
    """Hosts that are answered for: ``shop.example``, ``*.shop.example``; empty: all. Requests for others read 421."""
    url_limit_bytes: int = 8 * 1024
    """Path and query together, in characters."""
    parameter_limit_count: int = 1000
    """Parameters of a query."""
    response_headers: Mapping[str, str] = MappingProxyType({"x-content-type-options": "nosniff"})
    """What every answer says, where its handler does not say it otherwise."""
    hsts_s: int | None = None
    """Seconds for which browsers are told to come by HTTPS only (``Strict-Transport-Security``); None: not told."""
    cors: CorsSettings | None = None
    """Which pages of other origins may call; None: none may. A route can set its own."""
    secrets: SecretSettings = SecretSettings()
    """Where secrets come from."""
    audit: AuditSettings = AuditSettings()
    """What is recorded for auditors."""
    logs: LogSettings = LogSettings()
    """What is written to the log, and how."""
    metrics: MetricsSettings = MetricsSettings()
    """What is counted, and who may read it."""
    traces: TraceSettings = TraceSettings()
    """Which requests are traced."""
    otlp: OtlpSettings = OtlpSettings()
    """Where spans and metrics are sent."""
    settings: Mapping[str, object] = MappingProxyType({})
    """The application's own settings: ``gctx.config.settings["currency"]``."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "request_timeout_s", "cleanup_timeout_s", "drain_timeout_s", "body_limit_bytes", "upload_limit_bytes",
            "header_limit_count", "header_limit_bytes", "worker_threads", "url_limit_bytes", "parameter_limit_count",
        )  # fmt: skip
        check_positive(self, positive)
        if self.store_url is not None and "://" not in self.store_url and self.store_url != "memory:":
            raise ConfigError("store_url must be a URL: sqlite:///PATH, postgresql://… or memory:")
        if self.hsts_s is not None and self.hsts_s < 0:
            raise ConfigError(f"hsts_s must be 0 or more, not {self.hsts_s}")
        check_hosts(self.hosts)
        if not is_header_name(self.version_header):
            raise ConfigError(f"version_header must be a header name, not {self.version_header!r}")
        for name in ("openapi_path", "docs_path"):
            check_path(name, getattr(self, name))
        force_setattr(self, "response_headers", sendable_headers("response_headers", self.response_headers))
        force_setattr(self, "tags", freeze(self.tags, "tags"))
        force_setattr(self, "settings", freeze(self.settings))

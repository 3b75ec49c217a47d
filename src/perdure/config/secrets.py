"""Where secrets come from.

Nothing here is a secret itself: names, places and times.

Source: SPEC 3.10.
"""

import re
from math import inf
from typing import Final, Literal, final
from urllib.parse import urlsplit

from msgspec import Struct

from perdure.config.checks import check_positive, check_types
from perdure.config.kinds import FilePath
from perdure.errors import ConfigError

__all__ = ["AwsSettings", "ProviderKind", "SecretSettings", "VaultSettings"]

ProviderKind = Literal["environment", "files", "aws", "vault"]
"""What secrets can come from."""

_KINDS: Final = ("environment", "files", "aws", "vault")
_MIN_TTL_S: Final = 1.0
_MAX_TTL_S: Final = 3600.0
_variable: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_path: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*").fullmatch
_aws_prefix: Final = re.compile(r"[A-Za-z0-9/_+=.@-]*").fullmatch


@final
class AwsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AWS Secrets Manager: `SecretSettings.aws`. Credentials are found as boto3 does: role, profile, environment.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    region: str | None = None
    """None: as boto3 finds it."""
    prefix: str = ""
    """The secret ``db_password`` is ``<prefix>db_password`` there: ``shop/``."""
    endpoint_url: str | None = None
    """Another place than Amazon's: an interface endpoint, a server for tests."""

    def __post_init__(self) -> None:
        check_types(self)
        if not _aws_prefix(self.prefix):
            raise ConfigError(f"aws.prefix has letters, digits and /_+=.@-, not {self.prefix!r}")
        if self.endpoint_url is not None:
            _check_url("aws.endpoint_url", self.endpoint_url)


@final
class VaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HashiCorp Vault (or OpenBao), key-value engine version 2: `SecretSettings.vault`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    url: str
    """``https://vault.example.com:8200``."""
    mount: str = "secret"
    """Where the engine is mounted."""
    path: str = ""
    """Folder of the secrets; or, where *field* is None, the one document that has them all."""
    field: str | None = "value"
    """The secret ``db_password`` is this field of the document ``<path>/db_password``. None: it is the field
    ``db_password`` of the document *path*."""
    namespace: str | None = None
    """Namespace of Vault Enterprise."""
    token_file: FilePath | None = None
    """File with the token, read anew for every request, as Vault Agent writes it. None: *token_variable*."""
    token_variable: str = "VAULT_TOKEN"  # noqa: S105 - the name of a variable
    """Environment variable with the token, where there is no *token_file*."""
    ca_file: FilePath | None = None
    """Certificates of the authorities that may vouch for Vault, in PEM. None: those the system trusts."""

    def __post_init__(self) -> None:
        check_types(self)
        _check_url("vault.url", self.url)
        if not _path(self.mount):
            raise ConfigError(f"vault.mount is a path such as secret or team/kv, not {self.mount!r}")
        if self.path and not _path(self.path):
            raise ConfigError(f"vault.path is a path such as shop or team/shop, not {self.path!r}")
        if self.field is None and not self.path:
            raise ConfigError("vault.path must name the document that has the secrets, because vault.field is None")
        if self.field is not None and not self.field:
            raise ConfigError("vault.field must not be empty")
        if not _variable(self.token_variable):
            raise ConfigError(f"vault.token_variable is the name of a variable, not {self.token_variable!r}")


@final
class SecretSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where secrets come from, and how long they are kept: `Config.secrets`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    providers: tuple[ProviderKind, ...] = ("environment", "files")
    """Who is asked, in this order; the first that has a secret counts. One that cannot be asked ends the search."""
    folder: FilePath | None = "/run/secrets"
    """Folder with a file per secret, as Docker and Kubernetes mount them; need not exist. None: no files."""
    environment_prefix: str = ""
    """The secret ``db_password`` is ``<PREFIX>DB_PASSWORD`` in the environment."""
    ttl_s: float = 60.0
    """How long a value counts before it is fetched again; 1 to 3600."""
    refresh_at: float = 0.8
    """Share of its time to live after which a value that is in use is fetched again, in the background; 1: never."""
    stale_s: float = 0.0
    """How long beyond its time to live a value goes on to count while its provider cannot be asked."""
    timeout_s: float = 5.0
    """How long a provider has for its answer."""
    aws: AwsSettings | None = None
    """About ``aws``, where *providers* names it."""
    vault: VaultSettings | None = None
    """Needed where *providers* names ``vault``."""

    def __post_init__(self) -> None:
        self._check_providers()
        check_types(self)
        check_positive(self, ("refresh_at", "timeout_s"))
        if not _MIN_TTL_S <= self.ttl_s <= _MAX_TTL_S:
            raise ConfigError(f"ttl_s must be {_MIN_TTL_S:g} to {_MAX_TTL_S:g}, not {self.ttl_s!r}")
        if self.refresh_at > 1:
            raise ConfigError(f"refresh_at must be at most 1, not {self.refresh_at!r}")
        if not 0 <= self.stale_s < inf:
            raise ConfigError(f"stale_s must be 0 or more, not {self.stale_s!r}")
        if self.environment_prefix and not _variable(self.environment_prefix):
            raise ConfigError(
                f"environment_prefix begins variables' names, as SHOP_ does; not {self.environment_prefix!r}"
            )

    def _check_providers(self) -> None:
        if not isinstance(self.providers, tuple) or any(kind not in _KINDS for kind in self.providers):
            raise ConfigError(f"providers must be a tuple of {', '.join(_KINDS)}, not {self.providers!r}")
        if len(set(self.providers)) < len(self.providers):
            raise ConfigError(f"providers names one twice: {self.providers!r}")
        for kind, options in (("aws", self.aws), ("vault", self.vault)):
            if options is not None and kind not in self.providers:
                raise ConfigError(f"{kind} is set, but providers does not name it: {self.providers!r}")
        if self.vault is None and "vault" in self.providers:
            raise ConfigError("providers names vault, but vault.url does not say where it is")


def _check_url(name: str, url: str) -> None:
    """Refuse what is no URL of a server; the message does not repeat a URL that could have a password in it.

    Raises:
        ConfigError: It is none, or has a user or password in it.
    """
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_url = False
    if not is_url or "@" in url:
        raise ConfigError(f"{name} must be a URL such as https://vault.example.com:8200, without user or password")
    if parts.query or parts.fragment:
        raise ConfigError(f"{name} must have no query or fragment")

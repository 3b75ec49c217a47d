"""The Secrets Manager, as configured.

Source: SPEC 3.10.
"""

from collections.abc import Mapping

from perdure.clock import Clock
from perdure.config.secrets import AwsSettings, ProviderKind, SecretSettings
from perdure.errors import ConfigError
from perdure.secrets.aws import AwsProvider
from perdure.secrets.base import Provider
from perdure.secrets.environment import EnvironmentProvider
from perdure.secrets.files import FilesProvider
from perdure.secrets.manager import SecretsManager
from perdure.secrets.vault import VaultProvider

__all__ = ["open_secrets"]


def open_secrets(settings: SecretSettings, environ: Mapping[str, str], clock: Clock) -> SecretsManager:
    """Return the manager of the secrets that *settings* say where to find; nobody is asked before it is entered.

    Args:
        environ: Has secrets, and the token for Vault; read whenever a secret is fetched.
    """
    providers = (_provider(kind, settings, environ) for kind in settings.providers)
    return SecretsManager([each for each in providers if each is not None], settings, clock)


def _provider(kind: ProviderKind, settings: SecretSettings, environ: Mapping[str, str]) -> Provider | None:
    match kind:
        case "environment":
            return EnvironmentProvider(environ, settings.environment_prefix)
        case "files":
            return None if settings.folder is None else FilesProvider(settings.folder)
        case "aws":
            return AwsProvider(settings.aws or AwsSettings(), settings.timeout_s)
        case "vault":
            if settings.vault is None:
                raise ConfigError("providers names vault, but vault.url does not say where it is")
            return VaultProvider(settings.vault, environ, settings.timeout_s)

"""What can be set about an `App`, and where settings come from."""

from perdure.config.audit import AuditSettings
from perdure.config.building import masked
from perdure.config.checks import check_types, freeze
from perdure.config.entries import SettingPath, dotted
from perdure.config.identity import ApiKeySettings, AuthSettings, IntrospectionSettings, JwtSettings
from perdure.config.ingress import CorsSettings, ProxySettings
from perdure.config.logs import LogFormat, LogLevel, LogSettings
from perdure.config.metrics import MetricsSettings
from perdure.config.policy import CapacitySettings, Priority, RateLimit, RateSettings
from perdure.config.rollout import RolloutSettings
from perdure.config.secrets import AwsSettings, SecretSettings, VaultSettings
from perdure.config.settings import Config
from perdure.config.sources import Flag, Invocation, Resolved, environment, invocation, invoked, resolve
from perdure.config.traces import OtlpSettings, TraceSettings

__all__ = [
    "ApiKeySettings", "AuditSettings", "AuthSettings", "AwsSettings", "CapacitySettings", "Config", "CorsSettings",
    "Flag", "IntrospectionSettings", "Invocation", "JwtSettings", "LogFormat",
    "LogLevel", "LogSettings", "MetricsSettings", "OtlpSettings", "Priority", "ProxySettings",
    "RateLimit", "RateSettings", "Resolved", "RolloutSettings", "SecretSettings", "SettingPath", "TraceSettings",
    "VaultSettings", "check_types", "dotted", "environment", "freeze", "invocation", "invoked", "masked", "resolve",
]  # fmt: skip

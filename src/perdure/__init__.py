"""Perdure: a Python runtime for HTTP APIs whose clients never break."""

from perdure.app import App
from perdure.config import (
    ApiKeySettings,
    AuditSettings,
    AuthSettings,
    CapacitySettings,
    Config,
    CorsSettings,
    IntrospectionSettings,
    JwtSettings,
    LogSettings,
    MetricsSettings,
    OtlpSettings,
    ProxySettings,
    RateLimit,
    RateSettings,
    RolloutSettings,
    SecretSettings,
    TraceSettings,
)
from perdure.context.answers import Empty, Event, EventStream, File, Html, Redirect, Stream, Text
from perdure.context.events import LifecycleEvent
from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext, Meta, current_context
from perdure.context.log import RequestLog
from perdure.context.principal import Principal
from perdure.context.request import Form, Headers, Request, Values
from perdure.context.response import Response
from perdure.context.secret import Secret
from perdure.context.snapshot import Snapshot
from perdure.context.socket import WebSocket
from perdure.context.uploads import FormData, UploadFile
from perdure.context.work import Work
from perdure.errors import PerdureError, Problem
from perdure.gtype.markers import Masked
from perdure.lifecycle.execution import Execution
from perdure.lifecycle.hooks import Hook
from perdure.logs.request import RequestFilter
from perdure.logs.setup import set_up_logging
from perdure.routing.router import Router
from perdure.routing.templates import Converter
from perdure.telemetry.calls import traced
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.revision import Revision

__version__ = "0.1.0"

__all__ = [
    "ApiKeySettings", "App", "AuditSettings", "AuthSettings", "CapacitySettings", "Config", "Converter",
    "CorsSettings", "Empty", "Event", "EventStream", "Execution", "File", "Form", "FormData", "GlobalContext",
    "Headers", "Hook", "Html", "IntrospectionSettings", "JwtSettings", "LifecycleEvent", "LocalContext",
    "LogSettings", "Masked", "Meta", "MetricsSettings", "OtlpSettings", "PerdureError", "Principal", "Problem",
    "ProxySettings", "RateLimit", "RateSettings", "Redirect", "Request", "RequestFilter", "RequestLog",
    "RequestParts", "Response", "ResponseParts", "Revision", "RolloutSettings", "Router", "Secret", "SecretSettings",
    "Snapshot", "Stream", "Text", "TraceSettings", "UploadFile", "Values", "WebSocket", "Work", "__version__",
    "current_context", "set_up_logging", "traced",
]  # fmt: skip

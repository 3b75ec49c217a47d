"""Perdure: a Python runtime for HTTP APIs whose clients never break."""

from perdure.app import App
from perdure.config import (
    ApiKeySettings,
    AuthSettings,
    CapacitySettings,
    Config,
    CorsSettings,
    IntrospectionSettings,
    JwtSettings,
    ProxySettings,
    RateLimit,
    RateSettings,
    RolloutSettings,
    SecretSettings,
)
from perdure.context.answers import Empty, Event, EventStream, File, Html, Redirect, Stream, Text
from perdure.context.events import LifecycleEvent
from perdure.context.global_ import GlobalContext
from perdure.context.local import LocalContext, Meta, current_context
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
from perdure.routing.router import Router
from perdure.routing.templates import Converter
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.revision import Revision

__version__ = "0.1.0"

__all__ = [
    "ApiKeySettings", "App", "AuthSettings", "CapacitySettings", "Config", "Converter", "CorsSettings", "Empty",
    "Event", "EventStream", "Execution", "File", "Form", "FormData", "GlobalContext", "Headers", "Hook", "Html",
    "IntrospectionSettings", "JwtSettings", "LifecycleEvent", "LocalContext", "Masked", "Meta", "PerdureError",
    "Principal", "Problem", "ProxySettings", "RateLimit", "RateSettings", "Redirect", "Request", "RequestParts",
    "Response", "ResponseParts", "Revision", "RolloutSettings", "Router", "Secret", "SecretSettings", "Snapshot",
    "Stream", "Text", "UploadFile", "Values", "WebSocket", "Work", "__version__", "current_context",
]  # fmt: skip

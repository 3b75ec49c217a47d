"""All errors Perdure raises.

* PerdureError
  x DefinitionError                 the program is wrong: found at registration or start
    - ConfigError
      + SettingsError
    - SignatureError
    - TypeDefinitionError
    - RouteDefinitionError
    - DuplicateRouteError
    - RevisionError
    - AppNotFoundError
    - MetricError
  x StoreError                      the store cannot be opened, read or written
    - RevisionConflictError
  x MigrationError                  a step on the app's own database cannot be made
  x AuditError                      the audit log cannot be opened, written or read
  x DecisionError                   what is to be decided about a version or an API key cannot be meant
  x RequestError                    a client is told; `status` maps them at the ingress
    - MalformedRequestError
    - InvalidRequestError
    - UnsupportedMediaTypeError
    - PayloadTooLargeError
    - BodyTimeoutError
    - HeadersTooLargeError
    - RouteNotFoundError
    - MethodNotAllowedError
    - UnknownVersionError
    - VersionClosedError
    - UntranslatableRequestError
    - UnauthenticatedError
    - ForbiddenError
    - RateLimitedError
    - OverloadedError
    - IdentityUnavailableError
    - UriTooLongError
    - MisdirectedRequestError
  x ExecutionError                  the server failed while it served
    - InvalidResponseError
    - RevisionFaultError
    - UntranslatableResponseError
    - TransformerMissingError
    - ConversionImpossibleError
    - ModuleError
    - DeadlineExceededError
    - ClientDisconnectedError
    - ShuttingDownError
    - SnapshotError
    - PhaseError
    - SocketClosedError
    - SecretError
      + SecretMissingError
      + SecretDeniedError
      + SecretUnavailableError
  x ValueRejectedError              a value does not fit its GType
    - InvalidValueError
    - MalformedValueError
  x DocumentError                   a description of an API, given to a command, cannot be read
  x IgnoreFileError                 a file of accepted findings cannot be used
  x Problem                         an answer a handler chose: any status, any members
"""

from perdure.errors.admission import (
    ForbiddenError,
    IdentityUnavailableError,
    OverloadedError,
    RateLimitedError,
    UnauthenticatedError,
)
from perdure.errors.base import PerdureError
from perdure.errors.definitions import (
    AppNotFoundError,
    ConfigError,
    DefinitionError,
    DuplicateRouteError,
    MetricError,
    RevisionError,
    RouteDefinitionError,
    SettingsError,
    SignatureError,
    TypeDefinitionError,
)
from perdure.errors.execution import (
    ClientDisconnectedError,
    ConversionImpossibleError,
    DeadlineExceededError,
    ExecutionError,
    InvalidResponseError,
    ModuleError,
    PhaseError,
    RevisionFaultError,
    SecretDeniedError,
    SecretError,
    SecretMissingError,
    SecretUnavailableError,
    ShuttingDownError,
    SnapshotError,
    SocketClosedError,
    TransformerMissingError,
    UntranslatableResponseError,
)
from perdure.errors.operations import (
    AuditError,
    DecisionError,
    DocumentError,
    IgnoreFileError,
    MigrationError,
    RevisionConflictError,
    StoreError,
)
from perdure.errors.problem import Problem
from perdure.errors.requests import (
    BodyTimeoutError,
    HeadersTooLargeError,
    InvalidRequestError,
    MalformedRequestError,
    MethodNotAllowedError,
    MisdirectedRequestError,
    PayloadTooLargeError,
    RequestError,
    RouteNotFoundError,
    UnknownVersionError,
    UnsupportedMediaTypeError,
    UntranslatableRequestError,
    UriTooLongError,
    VersionClosedError,
)
from perdure.errors.values import Fault, InvalidValueError, MalformedValueError, Place, ValueRejectedError

__all__ = [
    "AppNotFoundError",
    "AuditError",
    "BodyTimeoutError",
    "ClientDisconnectedError",
    "ConfigError",
    "ConversionImpossibleError",
    "DeadlineExceededError",
    "DecisionError",
    "DefinitionError",
    "DocumentError",
    "DuplicateRouteError",
    "ExecutionError",
    "Fault",
    "ForbiddenError",
    "HeadersTooLargeError",
    "IdentityUnavailableError",
    "IgnoreFileError",
    "InvalidRequestError",
    "InvalidResponseError",
    "InvalidValueError",
    "MalformedRequestError",
    "MalformedValueError",
    "MethodNotAllowedError",
    "MetricError",
    "MigrationError",
    "MisdirectedRequestError",
    "ModuleError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PerdureError",
    "PhaseError",
    "Place",
    "Problem",
    "RateLimitedError",
    "RequestError",
    "RevisionConflictError",
    "RevisionError",
    "RevisionFaultError",
    "RouteDefinitionError",
    "RouteNotFoundError",
    "SecretDeniedError",
    "SecretError",
    "SecretMissingError",
    "SecretUnavailableError",
    "SettingsError",
    "ShuttingDownError",
    "SignatureError",
    "SnapshotError",
    "SocketClosedError",
    "StoreError",
    "TransformerMissingError",
    "TypeDefinitionError",
    "UnauthenticatedError",
    "UnknownVersionError",
    "UnsupportedMediaTypeError",
    "UntranslatableRequestError",
    "UntranslatableResponseError",
    "UriTooLongError",
    "ValueRejectedError",
    "VersionClosedError",
]

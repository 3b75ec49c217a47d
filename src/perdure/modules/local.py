"""Modules that live in the server's own process.

A module is any object. Handlers reach it as ``gctx.modules.<name>`` through a stub that has the object's own methods,
signatures included, and adds one thing: each call is a lifecycle event of the request it runs for.

Source: SPEC 3.8, property 28.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from keyword import iskeyword
from typing import Any, final

from perdure.context.events import Stage
from perdure.context.local import current_context
from perdure.errors import DefinitionError, Problem

__all__ = ["LocalModules", "ModuleStub"]


@final
class ModuleStub:
    """One module, as handlers see it. Attributes that are not methods are the object's own."""

    def __init__(self, name: str, target: object) -> None:
        self._target = target
        for member in dir(target):
            method = None if member.startswith("_") else _method(target, member)
            if inspect.iscoroutinefunction(method):
                setattr(self, member, _observed_async(name, method))
            elif method is not None and not inspect.isasyncgenfunction(method):
                setattr(self, member, _observed(name, method))

    def __getattr__(self, member: str) -> Any:
        return getattr(self._target, member)

    def __repr__(self) -> str:
        return f"<module {self._target!r}>"


def _method(target: object, member: str) -> Callable[..., Any] | None:
    """Return a method of *target*; None for other members, which are not even read: a property may do anything."""
    found = inspect.getattr_static(target, member, None)
    if not isinstance(found, staticmethod | classmethod) and not inspect.isroutine(found):
        return None
    method: Callable[..., Any] = getattr(target, member)
    return method


def _observed_async(module: str, method: Callable[..., Any]) -> Callable[..., Any]:
    stage = Stage("module", f"{module}.{method.__name__}")

    @wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        lctx = current_context()
        if lctx is None:
            return await method(*args, **kwargs)
        with lctx.during(stage):
            try:
                return await method(*args, **kwargs)
            except Exception as error:
                if not isinstance(error, Problem):
                    lctx.blame_module(module, method.__name__, error)
                raise

    return call


def _observed(module: str, method: Callable[..., Any]) -> Callable[..., Any]:
    stage = Stage("module", f"{module}.{method.__name__}")

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        lctx = current_context()
        if lctx is None:
            return method(*args, **kwargs)
        with lctx.during(stage):
            try:
                return method(*args, **kwargs)
            except Exception as error:
                if not isinstance(error, Problem):
                    lctx.blame_module(module, method.__name__, error)
                raise

    return call


@final
class LocalModules:
    """The modules of an `App`, by name."""

    _stubs: dict[str, ModuleStub]

    def __init__(self) -> None:
        object.__setattr__(self, "_stubs", {})

    def register(self, name: str, target: object) -> None:
        """Make *target* reachable as *name*.

        Raises:
            DefinitionError: *name* is no identifier, starts with an underscore, or is taken.
        """
        if not name.isidentifier() or iskeyword(name) or name.startswith("_") or name == "register":
            raise DefinitionError(f"a module's name is a public Python identifier, not {name!r}")
        if name in self._stubs:
            raise DefinitionError(f"there is a module {name!r} already: {self._stubs[name]!r}")
        self._stubs[name] = ModuleStub(name, target)

    def __getattr__(self, name: str) -> ModuleStub:
        stub: ModuleStub | None = self.__dict__.get("_stubs", {}).get(name)
        if stub is None:
            raise AttributeError(f"no module is called {name!r}; there are: {', '.join(sorted(self._stubs)) or 'none'}")
        return stub

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: modules are for all requests, and registered before the first."""
        raise AttributeError(f"modules are registered by App.module; {name!r} cannot be set")

    def __iter__(self) -> Any:
        return iter(self._stubs)

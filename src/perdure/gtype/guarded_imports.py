"""Names a module imports only for type checkers, imported after all.

``if TYPE_CHECKING:`` keeps imports from running, so a name it brings is not there when annotations are evaluated. The
module's source still says where the name comes from, and by the time types are read that module can be imported.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

__all__ = ["import_guarded"]


def import_guarded(module: ModuleType, name: str) -> object:
    """Return what *name* means in *module* to a type checker.

    Raises:
        LookupError: No import under ``if TYPE_CHECKING:`` brings *name*, or the module has no source.
        ImportError: One does, but it fails; the message names it.
    """
    for statement in _guarded_imports(module):
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                bound = alias.asname or alias.name.partition(".")[0]
                if bound == name:
                    imported = importlib.import_module(alias.name)
                    return imported if alias.asname else sys.modules[bound]
            elif (alias.asname or alias.name) == name:
                return _attribute(module, statement, alias.name)
    raise LookupError(name)


def _guarded_imports(module: ModuleType) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports of *module* that only a type checker runs, in order."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            for statement in node.body:
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Import | ast.ImportFrom):
                        yield inner


def _is_type_checking(test: ast.expr) -> bool:
    """Tell whether *test* is ``TYPE_CHECKING`` or ``anything.TYPE_CHECKING``."""
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _attribute(module: ModuleType, statement: ast.ImportFrom, name: str) -> object:
    """Return what ``from … import name`` brings, be it an attribute or a submodule."""
    source = "." * statement.level + (statement.module or "")
    package = module.__package__ or ""
    imported = importlib.import_module(source, package)
    if hasattr(imported, name):
        return getattr(imported, name)
    try:
        return importlib.import_module(f"{imported.__name__}.{name}")
    except ModuleNotFoundError:
        raise ImportError(f"cannot import name {name!r} from {imported.__name__!r}") from None

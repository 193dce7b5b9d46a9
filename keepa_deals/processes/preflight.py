"""Is this the right Python? Asked before anything is imported that a wrong one could not have.

Imports nothing but the standard library.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NEEDED_BY_ALL = ("dotenv", "sqlalchemy", "redis", "packaging")
NEEDED_BY_CELERY = ("celery", "kombu.transport.redis", "packaging")


def interpreter_complaint(root: Path, *, prefix: Path, executable: str, version: str) -> str | None:
    """One line naming both interpreters if this is not the installation's own; None if it is."""
    own = root / "venv"
    if own.exists() and prefix.resolve() == own.resolve():
        return None
    return (
        f"started by {executable} (Python {version}), but this installation runs on {own / 'bin' / 'python'}"
        f"{'' if own.exists() else ', which does not exist yet'}; run ./deploy_update.sh, "
        "or start it with that interpreter."
    )


def wrong_interpreter(root: Path = ROOT) -> str | None:
    """`interpreter_complaint` about the Python that runs this."""
    return interpreter_complaint(
        root, prefix=Path(sys.prefix), executable=sys.executable, version=sys.version.split(maxsplit=1)[0]
    )


def missing_package(names: tuple[str, ...] = NEEDED_BY_ALL) -> str | None:
    """One line naming the first package that is not installed; None if all are. Imports none of them."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            return _missing(name)
    return None


def broken_celery() -> str | None:
    """One line if the broker's transport could not work: it hides a failed import until it is used (kombu 5.7)."""
    for name in NEEDED_BY_CELERY:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            return _missing(error.name or name)
        if name == "kombu.transport.redis" and module.redis is None:
            return _missing("redis")
    return None


def _missing(name: str) -> str:
    return f"{sys.executable} has no working package {name!r}; run ./deploy_update.sh, which installs what is needed."

"""Starts a diagnostic from any folder. Standard library only, so that a wrong Python gets a plain sentence."""

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start(module):
    """Run `keepa_deals.diagnostics.<module>`; its exit code, 2 where this Python can't run it."""
    sys.path.insert(0, str(ROOT))
    try:
        main = importlib.import_module("keepa_deals.diagnostics." + module).main
    except (ImportError, SyntaxError) as error:
        missing = getattr(error, "name", None) or "something newer"
        if missing.startswith("keepa_deals"):
            raise
        sys.stderr.write(
            "This Python ({}) lacks {}, which the service needs; run the script with {} instead.\n".format(
                sys.executable, missing, ROOT / "venv" / "bin" / "python"
            )
        )
        return 2
    return main(sys.argv[1:], root=ROOT, environ=os.environ)

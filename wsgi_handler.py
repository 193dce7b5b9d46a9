"""The front door for gunicorn: `gunicorn wsgi_handler:application`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from keepa_deals.errors import BadSettings
from keepa_deals.settings import load_settings
from keepa_deals.web.build import build_application

GIVE_UP = 3
"""gunicorn stops at this exit code of a worker; after any other it would start the next one, for ever."""

try:
    application = build_application(load_settings(Path(__file__).resolve().parent, os.environ))
except BadSettings as error:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(GIVE_UP) from None

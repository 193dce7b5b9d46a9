"""The front door for `celery -A celery_config`: the application of the installation in this folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from keepa_deals.celery_app import celery_from_environment
from keepa_deals.errors import KeepaDealsError

try:
    app = celery_from_environment(Path(__file__).resolve().parent, os.environ)
except KeepaDealsError as error:
    sys.exit(str(error))

"""The verdict, why, and whether database, API and page count the same deals. Read-only."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("comprehensive"))

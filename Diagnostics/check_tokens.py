"""The token ledger against Keepa's own figure, and who spent what in the last 24 hours. Read-only."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("tokens"))

"""Is the number of deals falling, and is it the market, the budget, the filters or us? Read-only."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("dwindling"))

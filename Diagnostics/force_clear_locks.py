"""Shows the leases, and with --yes clears those that nobody living holds."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("leases"))

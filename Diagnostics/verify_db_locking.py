"""Several processes at one SQLite file, the default connection against ours. Touches nothing of the installation."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("locking"))

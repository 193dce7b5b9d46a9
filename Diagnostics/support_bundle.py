"""One file with everything an engineer needs and nothing secret. Writes that file and nothing else."""

import sys

from _start import start

if __name__ == "__main__":
    sys.exit(start("bundle"))

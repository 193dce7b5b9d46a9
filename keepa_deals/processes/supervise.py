"""supervisord, made to outlive a full disk: `python -m keepa_deals.processes.supervise -c CONF`.

When a log can't be written supervisord tells its error output so, which lies on the same disk; that failure then ended
it and everything it looks after (measured with supervisor 4.3). What its outputs can't take is dropped here.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class Droppable:
    """A text stream whose writes never fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """All of `text` counts as written, wherever it went."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main() -> None:
    """Run supervisord with the arguments of this process."""
    from supervisor import supervisord  # noqa: PLC0415 - importing a module does nothing

    sys.stdout, sys.stderr = (cast("TextIO", Droppable(stream)) for stream in (sys.stdout, sys.stderr))
    supervisord.main()


if __name__ == "__main__":
    main()

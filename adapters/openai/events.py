"""Server-sent events, without I/O: the bytes of a body to the data of its events.

See https://html.spec.whatwg.org/multipage/server-sent-events.html. Names, ids, retries and
comments are left out: OpenAI says in the data what an event is.
"""

from __future__ import annotations

EVENT_BYTES_MAX = 4 * 1024 * 1024


class Events:
    """One body, as it arrives."""

    def __init__(self) -> None:
        self._line = b""
        self._data: list[bytes] = []
        self._bytes = 0

    def feed(self, received: bytes) -> list[bytes]:
        """The data of the events that are complete now. Raises ValueError for an event that is
        longer than EVENT_BYTES_MAX."""
        *lines, self._line = (self._line + received).split(b"\n")
        complete = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._bytes += len(line)
            elif not line and self._data:
                complete.append(b"\n".join(self._data))
                self._data, self._bytes = [], 0
        if self._bytes + len(self._line) > EVENT_BYTES_MAX:
            raise ValueError(f"an event of more than {EVENT_BYTES_MAX} bytes")
        return complete

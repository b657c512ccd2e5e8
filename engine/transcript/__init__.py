"""A call to read: who said what when, who spoke over whom, what was heard of it.

sides     what either side said, and when it could be heard
entries   that, and what happened beside it, in order
page      the entries as lines for a terminal
"""

from engine.transcript.entries import Entry, transcript
from engine.transcript.page import print_transcript

__all__ = ["Entry", "print_transcript", "transcript"]

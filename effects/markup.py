"""Takes out of a stream of text what is only to be looked at, so that no voice ever says it.

Markdown and HTML go; their words stay. A heading, an item of a list and a row of a table each
become a line of their own. Emoji and other pictures are dropped. "a < b" and "3 * 4" are text.

Two tags of our own say what matters, and are dropped too: what stands between ``<key>`` and
``</key>`` is information without which the reply has failed, and what stands between ``<must>``
and ``</must>`` has to be said even if the caller interrupts. One that is never closed lasts to
the end.

The filter looks at one character at a time and holds back only what may still become markup
(half a tag, the first figures of a line), so it does not matter in which pieces a text comes.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

import msgspec

from effects.ports import Weight

_BLANK = r"[ \t]*"
_TASK = r"(?:\[[ xX]\][ \t]+)?"
_TASK_MAY_COME = rf"(?:\[[ xX]?\]?{_BLANK})?"
# What a line may begin with (white space left out), and what may yet become that.
_LINE_MAY_BEGIN = re.compile(
    rf"#{{1,6}}{_BLANK}|>|\d{{1,3}}(?:[.)]{_BLANK})?|[-+*•]{_BLANK}{_TASK_MAY_COME}"
    rf"|[-*_=|:][-*_=|: \t]*|(?:`{{1,3}}|~{{1,3}})[\w+#.-]*{_BLANK}"
)
_RULE = re.compile(rf"([-*_=])(?:{_BLANK}\1){{2,}}{_BLANK}(?=\n|$)")
_FENCE = re.compile(rf"(?:`{{3}}|~{{3}})[\w+#.-]*{_BLANK}(?=\n|$)")
_UNDER_HEADER = re.compile(r"(?=[|: \t-]*\|)[|: \t-]*-[|: \t-]*(?=\n|$)")
_HEADING_OR_BULLET = re.compile(rf"#{{1,6}}[ \t]+|(?:[-+*][ \t]+|•{_BLANK}){_TASK}")
_NUMBERED = re.compile(r"(\d{1,3})[.)][ \t]+(?=\S)")

_NAME = r"[\w:-]+"
_VALUE = r"(?:\"[^\"<>\n]*\"|'[^'<>\n]*'|[^\s\"'<>=]+)"
_TAG = re.compile(rf"<(/?)([a-zA-Z][\w-]*)(?:\s+{_NAME}={_VALUE})*\s*/?>")
_TAG_MAY_COME = re.compile(
    rf"</?(?:[a-zA-Z][\w-]*(?:\s+{_NAME}={_VALUE})*"
    rf"(?:\s+(?:{_NAME}(?:=(?:\"[^\"<>\n]*|'[^'<>\n]*)?)?)?)?\s*/?)?"
)
_ADDRESS = re.compile(r"<(https?://[^\s<>]+|[\w.+-]+@[\w.-]+)>")
_ADDRESS_MAY_COME = re.compile(r"<(?:https?:[^\s<>]*|[\w.+-]+(?:@[\w.-]*)?)")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,20});")
_ENTITY_MAY_COME = re.compile(r"&#?\w{0,20}")
_TARGET = re.compile(r"\]\((?:[^()\s]|\([^()\s]*\))*(?:[ \t]+\"[^\"\n]*\")?\)")
_TARGET_MAY_COME = re.compile(
    r"\](?:\((?:[^()\s]|\([^()\s]*\))*(?:\([^()\s]*|[ \t]+(?:\"[^\"\n]*\"?)?)?)?"
)

_LONGEST_HELD = 300
"""Characters; what becomes longer is taken for text."""

_BLOCKS = frozenset("address article br div dd dl dt hr ol p pre section table ul".split())
_CELLS = frozenset(("td", "th"))
_ITEMS = frozenset("h1 h2 h3 h4 h5 h6 li tr".split())
_PICTURES = frozenset(("So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn", "Me"))
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_ENDS_A_PHRASE = frozenset(".,?!;:…–—")


class Run(msgspec.Struct, frozen=True):
    """Text without markup, and how it was marked. A line feed in it ends a line."""

    text: str
    weight: Weight


class MarkupFilter:
    """Feed it text as it comes; it returns what of it can be said."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""
        """The character of the source before what is held; empty at the start of a line."""
        self._begins_line = True
        self._is_item = False
        self._in_row = False
        self._last = ""
        """The last character of this line that was let through, white space left out."""
        self._open: list[str] = []

    def feed(self, text: str) -> list[Run]:
        """Add text; returns what is certain by now (often nothing)."""
        runs: list[Run] = []
        for char in text:
            self._held += char
            runs += self._released(last=len(self._held) > _LONGEST_HELD)
        return runs

    def flush(self) -> list[Run]:
        """The text is at its end; returns what was held back."""
        return list(self._released(last=True))

    def _released(self, *, last: bool) -> Iterator[Run]:
        while self._held:
            step = self._line_start(last) if self._begins_line else None
            if step is None:
                step = self._step(last)
            length, said = step
            if length == 0:
                return
            self._before = self._held[length - 1].strip("\n")
            self._held = self._held[length:]
            if said:
                self._last = "" if said[-1] == "\n" else said.strip()[-1:] or self._last
                yield Run(said, self._weight)

    @property
    def _weight(self) -> Weight:
        if "must" in self._open:
            return "must"
        return "key" if "key" in self._open else "plain"

    # A step is how much of what is held is done with, and what is said for it; a length of
    # 0 waits for more.

    def _line_start(self, last: bool) -> tuple[int, str] | None:
        """What only means something where a line begins; None if this is nothing of it."""
        held = self._held
        if held[0] in " \t":
            return 1, ""
        if not last and _LINE_MAY_BEGIN.fullmatch(held):
            return 0, ""
        for pattern in (_RULE, _FENCE, _UNDER_HEADER):
            if match := pattern.match(held):
                return match.end(), ""
        if held[0] == ">":
            return 1, ""
        self._begins_line = False
        if match := _HEADING_OR_BULLET.match(held):
            self._is_item = True
            return match.end(), ""
        if match := _NUMBERED.match(held):
            self._is_item = True
            return match.end(), f"{match[1]}: "
        if held[0] == "|":
            self._is_item = self._in_row = True
            return len(held) - len(held[1:].lstrip(" \t")), ""
        return None

    def _step(self, last: bool) -> tuple[int, str]:
        char = self._held[0]
        match char:
            case "\n":
                return 1, self._line_end()
            case "<":
                return self._tag(last)
            case "&":
                return self._entity(last)
            case "*" | "_" | "~" | "`":
                return self._emphasis(last)
            case "[":
                return 1, ""
            case "]":
                if match := _TARGET.match(self._held):
                    return match.end(), ""
                return (0 if not last and _TARGET_MAY_COME.fullmatch(self._held) else 1), ""
            case "!" | "\\":
                return self._with_next(last)
            case "|" if self._in_row:
                return self._cell_end(last)
        return 1, _visible(char)

    def _line_end(self) -> str:
        """The end of a line is the end of a phrase, whether it was written so or not. That of an
        empty line is nothing."""
        pause = "" if self._last in _ENDS_A_PHRASE else "." if self._is_item else ","
        self._begins_line, self._is_item, self._in_row = True, False, False
        return f"{pause}\n" if self._last else ""

    def _tag(self, last: bool) -> tuple[int, str]:
        if match := _ADDRESS.match(self._held):
            return match.end(), match[1]
        if match := _TAG.match(self._held):
            return match.end(), self._tagged(match[2].lower(), closes=bool(match[1]))
        may_come = _TAG_MAY_COME.fullmatch(self._held) or _ADDRESS_MAY_COME.fullmatch(self._held)
        return (0, "") if may_come and not last else (1, "<")

    def _tagged(self, name: str, *, closes: bool) -> str:
        if name in ("key", "must"):
            if not closes:
                self._open.append(name)
            elif name in self._open:
                self._open.remove(name)
        ended = self._line_end() if name in _BLOCKS or name in _ITEMS else ""
        self._is_item |= name in _ITEMS and not closes
        return ", " if name in _CELLS and closes else ended

    def _entity(self, last: bool) -> tuple[int, str]:
        if match := _ENTITY.match(self._held):
            return match.end(), "".join(map(_visible, html.unescape(match[0])))
        return (0, "") if _ENTITY_MAY_COME.fullmatch(self._held) and not last else (1, "&")

    def _emphasis(self, last: bool) -> tuple[int, str]:
        """A run of one mark: dropped, unless it stands like an operator or within a name."""
        mark, held, before = self._held[0], self._held, self._before
        length = len(held) - len(held.lstrip(mark))
        after = held[length : length + 1]
        if not after and not last:
            return 0, ""
        run = held[:length]
        if mark == "*":
            spaced = not before.strip() and not after.strip(" \n\t.,;:!?")
            operator = length == 1 and before.isdigit() and after.isdigit()
            return length, run if operator or (spaced and length <= 2) else ""
        if mark == "_":
            return length, run if before.isalnum() and after.isalnum() else ""
        return length, run if mark == "~" and length == 1 else ""

    def _with_next(self, last: bool) -> tuple[int, str]:
        """A mark that the next character may change: ``![`` is a picture, ``\\*`` an asterisk."""
        char, after = self._held[0], self._held[1:2]
        if not after and not last:
            return 0, ""
        if char == "\\":
            escaped = after and after in "\\`*_{}[]()#+-.!|<>~&"
            return (2, after) if escaped else (1, "")
        return 1, "" if after == "[" else char

    def _cell_end(self, last: bool) -> tuple[int, str]:
        rest = self._held[1:].lstrip(" \t")
        if not rest and not last:
            return 0, ""
        return len(self._held) - len(rest), "" if rest[:1] in ("", "\n", "|") else ", "


def _visible(char: str) -> str:
    """The character, if it is something that can be said or that parts words."""
    if char == "\t":
        return " "
    if " " <= char < "\x7f" or char in "°©":
        return char
    if unicodedata.category(char) in _PICTURES or char in _VARIATION_SELECTORS:
        return ""
    return char

"""Markup is taken out of the stream, and no words with it."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from effects.markup import MarkupFilter, Run


def runs(text: str) -> list[Run]:
    markup = MarkupFilter()
    return [*markup.feed(text), *markup.flush()]


def plain(text: str) -> str:
    return "".join(run.text for run in runs(text))


def weighed(text: str, weight: str) -> str:
    return "".join(run.text for run in runs(text) if run.weight == weight)


STRIPPED = {
    # emphasis and code
    "**Bold**, *it*, __b__, _i_, ***all*** and ~~gone~~": "Bold, it, b, i, all and gone",
    "run `ls -l` now": "run ls -l now",
    "```python\nprint(1)\n```\nDone.": "print(1),\nDone.",
    '*"Yes"* he said': '"Yes" he said',
    # lines
    "# Head\ntext": "Head.\ntext",
    "### Head: \nit is": "Head: \nit is",
    "- one\n* two\n+ three\n• four": "one.\ntwo.\nthree.\nfour",
    "1. Blue\n2) Red!\n": "1: Blue.\n2: Red!\n",
    "- [ ] this\n- [x] that": "this.\nthat",
    "> quoted\n>> twice": "quoted,\ntwice",
    "a\n---\nb\n* * *\nc": "a,\nb,\nc",
    "12 Main Street\nMemphis": "12 Main Street,\nMemphis",
    # tables: rows as phrases
    "| Item | Price |\n|:--|--:|\n| Boots | $5 |\n": "Item , Price .\nBoots , $5 .\n",
    # links, HTML
    "[Track it](https://example.com/a_(b)) now": "Track it now",
    '![a map](map.png "Map") here': "a map here",
    "<https://example.com> or <bob@example.com>": "https://example.com or bob@example.com",
    'a <b>bold</b> <a href="x y">link</a><br/>next': "a bold link,\nnext",
    "<h1>We have</h1><ul><li>one</li><li>two</li></ul>": "We have.\none.\ntwo.\n",
    "<tr><td>a</td><td>b</td></tr>": "a, b, \n",
    "Fish &amp; chips &lt;3": "Fish & chips <3",
    "a \\*star\\*": "a *star*",
    # pictures
    "Great 😀👍🏽 ✅ done ☎️": "Great   done ",
    "🇺🇸 1️⃣": " 1",
    "zero\u200bwidth\u00ad": "zerowidth",
}


@pytest.mark.parametrize(("written", "left"), STRIPPED.items())
def test_markup_goes_and_its_words_stay(written: str, left: str) -> None:
    """One line for each kind of markup that a language model writes."""
    assert plain(written).strip(" ") == left.strip(" ")


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d",
        "a <b and c> d",
        "x<5, 5>x, <3",
        "3 * 4, 3*4 and 2 ** 3",
        "snake_case and a_b@c.com",
        "about ~5 miles",
        "R&D, AT&T, Q&A; fine",
        "3.14 is pi",
        "4711. That is it",
        "-5 degrees",
        "$5 | $6",
        "Wow! Really! ",
        "press * or # now",
        "20 °C",
        "a <",
        "half a <ke",
        "half a <key",
        'half <a href="x',
    ],
)
def test_what_only_looks_like_markup_is_text(text: str) -> None:
    """Operators, names, numbers, and tags that are never closed are left as they are."""
    assert plain(text) == text


@given(st.text(alphabet="ab1 \n*_#-`~|[]()<>/&;!\\\"'=.:xkeymust", max_size=120))
def test_nothing_but_links_and_tags_takes_words_along(text: str) -> None:
    """Every word of a text comes out, but for those within what is a tag or a link's target."""
    if not re.search(r"<\s*/?\w|\]\(|&\w*;|`{3}|~{3}|\\", text):
        assert "".join(re.findall(r"\w", plain(text))).replace("_", "") == "".join(
            re.findall(r"\w", text)
        ).replace("_", "")


@given(st.text(alphabet="ab1 \n*_#-`~|[]()<>/&;!\\\"'=.:xkeymust😀", max_size=120), st.data())
def test_it_does_not_matter_in_which_pieces_it_comes(text: str, data: st.DataObject) -> None:
    """Half a tag is held back until the rest of it comes, or shows that it is none."""
    place = data.draw(st.integers(0, len(text)))
    markup = MarkupFilter()
    pieces = [*markup.feed(text[:place]), *markup.feed(text[place:]), *markup.flush()]
    assert pieces == runs(text)


def test_the_tags_say_what_matters() -> None:
    """Text between the tags carries their weight, and they are not in it."""
    text = "It is <key>at 2:30</key>, <MUST>as the <key>law</key> says</MUST>, yes"
    assert plain(text) == "It is at 2:30, as the law says, yes"
    assert weighed(text, "key") == "at 2:30"
    assert weighed(text, "must") == "as the law says"


def test_a_tag_in_two_pieces_is_one() -> None:
    """A piece of the stream may end in the middle of it."""
    markup = MarkupFilter()
    assert markup.feed("a <k") == [Run("a", "plain"), Run(" ", "plain")]
    assert markup.feed("ey") == []
    assert markup.feed(">b") == [Run("b", "key")]


def test_a_tag_that_is_not_closed_loses_no_text() -> None:
    """It marks all that follows; one that closes nothing is dropped."""
    assert weighed("a <key>b. c", "key") == "b. c"
    assert runs("a</key>") == [Run("a", "plain")]


def test_what_is_held_back_is_short() -> None:
    """Something that goes on looking like markup is taken for text in the end."""
    markup = MarkupFilter()
    held = len("<a" + "b" * 400) - sum(len(run.text) for run in markup.feed("<a" + "b" * 400))
    assert held <= 300

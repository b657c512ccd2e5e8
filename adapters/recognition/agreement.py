"""Which of a growing utterance's words will stay.

The last word of a partial decode is usually cut in two by the end of the audio, and the model
fills in whatever fits: on real speech, less than half of such texts are the beginning of the
final one. The words at the beginning on which two decodes in a row agree are, four times in five
(the LocalAgreement-2 policy). A text that grows and stays is what turn-taking can act upon, and
what a reply can be drafted from; a word that flickers would start and stop both.
"""

from __future__ import annotations


class Agreement:
    """The agreed words of one utterance, over its partial decodes."""

    def __init__(self) -> None:
        self.text = ""
        """The words agreed so far, as the latest decode writes them."""
        self._before: list[str] = []

    def add(self, text: str) -> bool:
        """Take in the next decode; whether :attr:`text` now says more words than it did.

        Words are compared without case and punctuation. Agreed words stay, even if a later
        decode loses them: the final decode has the last say, not a partial one.
        """
        now = text.split()
        common = 0
        for word, earlier in zip(now, self._before, strict=False):
            if _bare(word) != _bare(earlier):
                break
            common += 1
        self._before = now
        if common <= len(self.text.split()):
            return False
        self.text = " ".join(now[:common])
        return True


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word)).lower()

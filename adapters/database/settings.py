"""What can be set for the store: where calls are kept, how long, and how much of them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import SecretStr

Days = Annotated[int, msgspec.Meta(ge=0)]


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where finished calls are loaded into, and what is kept of them.

    Attributes:
        url: the database: ``sqlite:///calls/antiphon.db``, ``postgresql+psycopg://…``. Left out,
            a SQLite file in the folder of journals; empty, none: journals stay files.
        numbers: what is kept of callers' numbers: their last four digits and a keyed hash, by
            which a caller can be found and erased, or all of them.
        number_key: what numbers are hashed with. Left out, a key that is made once and kept in
            the data folder; to be set where several machines share a database.
        redact: long numbers are made unreadable in what was said (telephone numbers, card
            numbers, what was keyed), in the database and in the journals.
        journal_days: how long journals are kept; 0 for ever. No longer than words in any case,
            because they hold them.
        words_days: how long what was said, and what tools were asked and answered, is kept.
        record_days: how long calls and their turns are kept, which have no words then.
        audio_days: how long kept audio is kept.
        sweep_s: how often the folder is looked through for what was not loaded, and for what has
            been kept for long enough.
        answer_s: how long the database may take for one thing.
    """

    url: SecretStr | None = None
    numbers: Literal["masked", "plain"] = "masked"
    number_key: SecretStr | None = None
    redact: bool = True
    journal_days: Days = 0
    words_days: Days = 0
    record_days: Days = 0
    audio_days: Days = 0
    sweep_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    answer_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0

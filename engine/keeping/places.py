"""Where calls are kept: the database, the folder of journals, the folder of audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from adapters.database.errors import UnusableStore
from adapters.database.opening import Database
from adapters.stores.audio import AudioFolder
from engine.config import Config
from engine.errors import ConfigError
from engine.keeping.journals import JournalFolder
from engine.keeping.numbers import Numbers, number_key


@dataclass(frozen=True, slots=True)
class Places:
    """All of them. ``database`` is None where none is wanted."""

    database: Database | None
    folder: JournalFolder
    audio: AudioFolder
    numbers: Numbers


def places_of(config: Config, calls: Path) -> Places:
    """The places of a configuration, with journals in ``calls``. Connects to nothing yet. Raises
    :class:`ConfigError`."""
    settings = config.store
    url = settings.url or SecretStr("")
    if settings.url is None:
        url = SecretStr(f"sqlite:///{calls / 'antiphon.db'}")
    try:
        database = Database(url, settings.answer_s) if url.get_secret_value() else None
        key = number_key(settings.number_key, Path(config.data))
    except UnusableStore as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"no key for numbers in {config.data}: {error.strerror}") from error
    return Places(
        database=database,
        folder=JournalFolder(calls),
        audio=AudioFolder(calls / "audio"),
        numbers=Numbers(key, masked=settings.numbers == "masked"),
    )

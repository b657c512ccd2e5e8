"""A database, opened: what is done in it, one transaction at a time, and its tables up to date.

Everything here blocks and belongs in a worker thread. Whoever writes excludes all others who do
(of this module), on this machine and elsewhere: what a transaction has looked up stays true until
it is over. Writers are the loaders of calls and whoever erases; none is in a hurry, so each
transaction has a connection of its own, and between them there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from adapters.database.errors import StoreLost, UnusableStore

_WRITERS = 727_003_104
"""PostgreSQL's advisory lock of all who write."""

_READS = "antiphon_reads"


class Database:
    """See the module. Every method raises :class:`StoreLost`."""

    def __init__(self, url: SecretStr, answer_s: float) -> None:
        """Opens nothing yet. Raises :class:`UnusableStore` for a URL that cannot be one."""
        try:
            parsed = make_url(url.get_secret_value())
        except ArgumentError:
            raise UnusableStore("[store] url is no URL of a database") from None
        kind = parsed.drivername
        if kind not in ("sqlite", "postgresql+psycopg"):
            raise UnusableStore(
                f"[store] url is sqlite:///… or postgresql+psycopg://…, not {kind}:"
            )
        if not parsed.database:
            raise UnusableStore("[store] url names no database: sqlite:///calls/antiphon.db")
        self._is_sqlite = kind == "sqlite"
        self._folder = Path(parsed.database).parent if self._is_sqlite else None
        self.name = parsed.render_as_string(hide_password=True)
        self._engine = _sqlite(parsed, answer_s) if self._is_sqlite else _postgres(parsed, answer_s)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction in which nobody else writes; it counts if the body ends well."""
        with self._told(), self._engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITERS})"))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only looks, and stands in nobody's way."""
        with self._told(), self._engine.connect() as connection:
            yield connection.execution_options(**{_READS: True})

    def migrate(self) -> None:
        """Bring the tables up to date; does nothing where they are."""
        # Here, because Alembic takes long to import and nothing else needs it.
        from alembic.util import CommandError

        from adapters.database.migrating import is_current, upgrade

        try:
            with self.reading() as connection:
                if is_current(connection):
                    return
            with self.writing() as connection:
                upgrade(connection)
        except CommandError:
            raise StoreLost(f"{self.name}: its tables are of a later version than this") from None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            yield
        except (SQLAlchemyError, OSError) as error:
            raise StoreLost(f"{self.name}: {_in_one_line(error)}") from None


def _in_one_line(error: Exception) -> str:
    """What the driver says, without the statement and its values: they hold what callers said."""
    cause = getattr(error, "orig", None) or error
    if isinstance(error, SQLAlchemyError) and getattr(error, "orig", None) is None:
        return type(error).__name__
    diagnosed = getattr(getattr(cause, "diag", None), "message_primary", None)
    said = diagnosed or (str(cause) or type(cause).__name__).splitlines()[0]
    return f"{type(cause).__name__}: {said}"


def _sqlite(url: URL, answer_s: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": answer_s}, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # we begin ourselves
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: URL, answer_s: float) -> Engine:
    answer_ms = int(answer_s * 1000)
    options = f"-c statement_timeout={answer_ms} -c lock_timeout={answer_ms}"
    limits = {
        "connect_timeout": max(2, int(answer_s)),
        "tcp_user_timeout": answer_ms,
        "options": options,
    }
    return create_engine(url, connect_args=limits, poolclass=NullPool)

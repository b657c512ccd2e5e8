"""Turn records as a Parquet file: a row for each turn, with what it needs of its call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Boolean, Float, Integer, Select, select
from sqlalchemy.types import TypeEngine

from adapters.database.opening import Database
from adapters.database.tables import Moment, calls, turns

GROUP_ROWS = 20_000
"""In memory at a time."""

_OF_CALL = (
    *(calls.c.call_id, calls.c.started, calls.c.agent, calls.c.chart_digest),
    *(calls.c.direction, calls.c.number_hash, calls.c.outcome.label("call_outcome")),
)
_WORDS = ("words", "heard")


def export_turns(database: Database, path: Path, since: datetime | None, *, words: bool) -> int:
    """Write the turns of calls that began at ``since`` or later, in the order of time; how many.

    The file appears when it is whole. Blocks. Raises
    :class:`~adapters.database.errors.StoreLost` and OSError.
    """
    columns = [*_OF_CALL, *(one for one in turns.c if words or one.name not in _WORDS)]
    wanted = select(*columns).join(calls, calls.c.id == turns.c.call)
    wanted = wanted.order_by(calls.c.started, turns.c.call, turns.c.number)
    if since is not None:
        wanted = wanted.where(calls.c.started >= since)
    schema = pa.schema([pa.field(one.name, _kind(one.type)) for one in columns])
    part = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as file:
            for rows in _groups(database, wanted):
                file.write_table(pa.Table.from_pylist(list(rows), schema))
                count += len(rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _groups(
    database: Database, wanted: Select[tuple[object, ...]]
) -> Iterator[Sequence[dict[str, object]]]:
    with database.reading() as connection:
        found = connection.execution_options(yield_per=GROUP_ROWS).execute(wanted)
        for group in found.mappings().partitions():
            yield [dict(row) for row in group]


def _kind(of: TypeEngine[Any]) -> pa.DataType:
    match of:
        case Moment():
            return pa.timestamp("us", tz="UTC")
        case Float():
            return pa.float64()
        case Integer():
            return pa.int64()
        case Boolean():
            return pa.bool_()
    return pa.string()

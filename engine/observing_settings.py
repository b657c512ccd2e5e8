"""What a service tells those who run it: its log, its metrics, its traces."""

from __future__ import annotations

from typing import Literal

import msgspec
from pydantic import SecretStr


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``format``: ``console`` is for people, on standard error; ``json`` one object a line, on
    standard output, for programs. ``level``: what is less than that is left out."""

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "warning"


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``token``: with it, as ``Authorization: Bearer …``, the metrics can be had from elsewhere,
    and nothing else; without it they are for those who may look at calls."""

    token: SecretStr | None = None


class TracingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``endpoint``: where traces go, over OTLP/HTTP (``http://collector:4318/v1/traces``); empty:
    none are made. Headers, such as a key, are in ``OTEL_EXPORTER_OTLP_HEADERS``, as everywhere.
    ``service``: what the service is called in them."""

    endpoint: str = ""
    service: str = "antiphon"

"""What the checker has to say, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.chart import Chart

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: where, what it is, and what to do about it."""

    severity: Severity
    path: str
    line: int
    what: str
    to_do: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.to_do}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, in the order of the chart's lines, and how much it looked at."""

    path: str
    findings: tuple[Finding, ...]
    states: int
    transitions: int
    configurations: int
    situations: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the chart unfit for calls."""
        return tuple(one for one in self.findings if one.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are only worth knowing."""
        return tuple(one for one in self.findings if one.severity == "warning")

    @property
    def summary(self) -> str:
        """All of it in one line."""
        counts = f"{_count(self.errors, 'error')}, {_count(self.warnings, 'warning')}"
        return (
            f"{self.path}: {counts} in {self.states} states and {self.transitions} transitions, "
            f"walked through {self.situations} situations in {self.configurations} configurations"
        )


def error(chart: Chart, line: int, what: str, to_do: str) -> Finding:
    """A finding that makes the chart unfit for calls."""
    return Finding("error", chart.path, line, what, to_do)


def warning(chart: Chart, line: int, what: str, to_do: str) -> Finding:
    """A finding that is only worth knowing."""
    return Finding("warning", chart.path, line, what, to_do)


def _count(findings: tuple[Finding, ...], noun: str) -> str:
    number = len(findings)
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"

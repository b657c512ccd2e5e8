"""What can be wrong with a database; here, so that who only catches it imports no SQLAlchemy."""

from __future__ import annotations


class StoreLost(Exception):
    """The database cannot be asked now, or refused. ``str()`` is one line without its password."""


class UnusableStore(Exception):
    """There can be no such database. ``str()`` is one line."""

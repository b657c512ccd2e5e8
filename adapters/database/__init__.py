"""Calls in a database: tables, their migrations, and connections to SQLite and PostgreSQL."""

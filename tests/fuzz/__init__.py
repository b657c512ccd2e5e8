"""Calls that nobody thought of: generated, aborted at any step, and judged by the laws."""

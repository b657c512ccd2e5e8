"""What a call knows and how it decides: plain data, guards and actions.

Pure by rule: nothing here reads a clock, does I/O or imports trio, so every decision can be
tested as a function and replayed from a journal.
"""

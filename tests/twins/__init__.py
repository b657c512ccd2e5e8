"""Twins of the vendors: local servers that speak their protocols, over real sockets.

Written from the vendors' documentation, message for message. The adapters are tested against them,
and `antiphon twins` starts them for a production path on a laptop without keys.
"""

"""Whisper, made to stream: a model on this machine, or an endpoint that transcribes.

The package it needs, faster-whisper, is an extra (``scripts/setup whisper``) and is imported only
when a model is loaded.
"""

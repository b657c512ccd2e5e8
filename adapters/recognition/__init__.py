"""Recognisers that read whole stretches of audio, made to stream.

A model (or an endpoint) transcribes one stretch at a time and knows nothing of a call. What turns
that into words that come while the caller speaks is the same for all of them: when to read what
(:mod:`~adapters.recognition.transcription`), which words will stay
(:mod:`~adapters.recognition.agreement`), and threads that the event loop does not wait for
(:mod:`~adapters.recognition.local`).
"""

"""Deepgram: speech-to-text over a websocket, by nova or by Flux.

settings        what can be chosen, and what each means
messages        Deepgram's messages and address as plain data, without I/O
lines           both protocols' sending sides, over the SDK's socket clients
segments        what is heard of a call: messages become segments of the transcript
backlog         the audio that is not finalised yet: what a new socket has to hear again
session         one call: sending, receiving, and a new socket where one is lost
speech_to_text  the port
"""

"""Cartesia: text-to-speech over a websocket.

settings  what can be chosen, with defaults
messages  what goes over the wire, without I/O
reading   from the vendor's times of words to how far a clause is read
reply     one reply on one socket: clause by clause, in a context of its own
voice     the TextToSpeech port
"""

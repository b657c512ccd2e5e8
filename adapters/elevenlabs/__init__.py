"""ElevenLabs: text-to-speech over a websocket, and over HTTP when that is away.

settings        which voice, how it sounds, how it is reached
messages        the websocket's messages, both ways, without I/O
errors          what the vendor's errors mean for a call
timings         alignments of characters as timings of a clause
saying          one clause on its way from the vendor to the caller
contexts        clauses on one websocket, each in a context of its own
http            a clause over HTTP
reply           one reply: its clauses in order, by whichever way works
text_to_speech  the TextToSpeech port
"""

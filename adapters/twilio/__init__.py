"""Twilio Media Streams: a telephone call as a websocket of JSON messages.

wire            the messages as typed structs and JSON
protocol        both ends' rules, without I/O; the tables of what is taken and what refused
carrier         the Carrier port over one such websocket (see adapters/carriers)
signature       whether a request comes from Twilio
twiml           what Twilio is told to do with a call
script          what a simulated caller says and when, as data
recording       what both sides heard, and when
phone           a simulated caller that dials a media-stream server as Twilio does
dialing         finding out, in one clear line, why a server cannot be called
wav             caller audio from WAV files
"""

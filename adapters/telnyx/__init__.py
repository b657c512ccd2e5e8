"""Telnyx Media Streaming: a telephone call as a websocket of JSON messages, much as Twilio's.

wire      the messages as typed structs and JSON
protocol  our end's rules, without I/O; the tables of what is taken and what refused
carrier   the Carrier port over one such websocket; whether it is Telnyx that opens it
settings  what can be set
"""

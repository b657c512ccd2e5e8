"""A telephone exchange of one's own: Asterisk, in the two ways that it passes calls on.

packets      AudioSocket's packets and our end's rules, without I/O
audiosocket  the Carrier port over AudioSocket (TCP), and the port on which it comes
control      chan_websocket's control messages, in both forms, and our end's rules, without I/O
channel      the Carrier port over chan_websocket; whether it is our Asterisk that opens it
settings     what can be set
"""

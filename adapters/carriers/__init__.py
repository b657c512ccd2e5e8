"""What the carriers have in common: the life of one answered call, and what is refused of it.

    faults          why a message of a carrier's is refused, and whether the call can go on
    answering       one answered call: its beginning, its deadlines, its end; limits
    websocket       the same over a websocket, whatever messages go over it (a `Dialect`)
    playout_buffer  what becomes of the agent's audio until the caller has heard it
    ids             ids made safe for file names and log lines
    whole_frames    audio cut into whole frames, for carriers that take no others

A carrier is an adapter behind :class:`effects.ports.Carrier`: adapters/twilio, adapters/telnyx,
adapters/asterisk. docs/carriers.md says how to write one.
"""

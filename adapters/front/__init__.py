"""The one port: HTTP for people and webhooks, websockets for calls.

server   listens, routes, hands upgrades over; everything a caller of this package needs
http     one connection's requests and replies, with limits on size and time
upgrade  from an HTTP connection to a websocket, losing no byte in between
"""

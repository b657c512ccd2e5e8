"""What the workers of a service share: those of one machine, or of many.

alone    a worker that has no others: memory
local    a file that all workers of a machine can open
redis    a Redis that all machines can reach
"""

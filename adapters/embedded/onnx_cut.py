"""Cuts an ONNX model in two at one tensor, so that its halves can be run at different paces.

A file in the ONNX format is one protocol-buffer message, and cutting it means no more than
sorting the entries of its graph into two copies; none is changed. So the few fields needed are
read straight off the wire, without the onnx package and its compiled protobuf runtime. The
field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT = 1, 2
_INITIALIZER_NAME = 8
_BYTES = 2  # the wire type of strings and messages
_FIXED_SIZE = {1: 8, 5: 4}


@dataclass(frozen=True, slots=True)
class _Field:
    """One field on the wire: its number, all of its bytes, and its value if it is a string or a
    message."""

    number: int
    raw: memoryview
    value: memoryview


@dataclass(slots=True)
class _Half:
    fields: list[memoryview] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)


def cut(model: bytes, tensor: str) -> tuple[bytes, bytes]:
    """Two models that run one after the other do what ``model`` does.

    The first has the inputs of ``model`` and the output ``tensor``; the second has the input
    ``tensor`` and the outputs of ``model``. ``tensor`` must be of float32 and the only thing
    that passes from the one to the other. Raises :class:`ValueError` if nothing depends on it.
    """
    outer = list(_fields(memoryview(model)))
    graph = next(entry for entry in outer if entry.number == _MODEL_GRAPH)
    entries = list(_fields(graph.value))
    before, after = _sorted_nodes(entries, tensor)
    if not after.fields:
        raise ValueError(f"nothing in the model depends on {tensor}")
    for entry in entries:
        if entry.number in (_GRAPH_INPUT, _GRAPH_NAME):
            before.fields.append(entry.raw)
        if entry.number in (_GRAPH_OUTPUT, _GRAPH_NAME):
            after.fields.append(entry.raw)
        if entry.number == _GRAPH_INITIALIZER:
            name = next(_texts(entry.value, _INITIALIZER_NAME))
            for half in (before, after):
                if name in half.reads:
                    half.fields.append(entry.raw)
    before.fields.append(memoryview(_written(_GRAPH_OUTPUT, _float_tensor(tensor))))
    after.fields.append(memoryview(_written(_GRAPH_INPUT, _float_tensor(tensor))))
    head = b"".join(entry.raw for entry in outer if entry.number != _MODEL_GRAPH)
    return _model(head, before.fields), _model(head, after.fields)


def _sorted_nodes(entries: Iterable[_Field], tensor: str) -> tuple[_Half, _Half]:
    """The nodes that ``tensor`` does not need, and those that need it. A graph lists a node
    after the ones it depends on, so that one pass will do."""
    before, after = _Half(), _Half()
    downstream = {tensor}
    for entry in entries:
        if entry.number != _GRAPH_NODE:
            continue
        reads = set(_texts(entry.value, _NODE_INPUT))
        half = before if downstream.isdisjoint(reads) else after
        if half is after:
            downstream.update(_texts(entry.value, _NODE_OUTPUT))
        half.fields.append(entry.raw)
        half.reads |= reads
    return before, after


def _model(head: bytes, graph: Iterable[memoryview]) -> bytes:
    return head + _written(_MODEL_GRAPH, b"".join(graph))


def _texts(message: memoryview, number: int) -> Iterator[str]:
    return (str(entry.value, "utf-8") for entry in _fields(message) if entry.number == number)


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        wire_type = key & 7
        size = 0
        if wire_type == _BYTES:
            size, at = _varint(message, at)
        elif wire_type in _FIXED_SIZE:
            size = _FIXED_SIZE[wire_type]
        else:
            _, at = _varint(message, at)
        yield _Field(key >> 3, message[start : at + size], message[at : at + size])
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, seven bits a byte, lowest first; and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _written(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _as_varint(len(value)) + value


def _as_varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _float_tensor(name: str) -> bytes:
    """A ValueInfo message: a float32 tensor of this name and of any shape."""
    element_is_float = b"\x08\x01"
    return _written(1, name.encode()) + _written(2, _written(1, element_is_float))

"""Small stand-ins that several test files share."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from effects.ports import CallInfo, CarrierMessage, Tool, ToolContext


@dataclass
class FakeCarrier:
    """Remembers what was sent, in order, and delivers what a test puts in."""

    info: CallInfo = field(default_factory=lambda: CallInfo("CA1", "MZ1"))
    sent: list[tuple[str, str | int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.put, self._messages = trio.open_memory_channel[CarrierMessage](1000)

    async def receive(self) -> CarrierMessage:
        return await self._messages.receive()

    def send_audio(self, mulaw: bytes) -> None:
        self.sent.append(("audio", len(mulaw)))

    def send_mark(self, name: str) -> None:
        self.sent.append(("mark", name))

    def send_clear(self) -> None:
        self.sent.append(("clear", ""))

    async def transfer(self, to: str) -> None:
        self.sent.append(("transfer", to))

    async def hang_up(self) -> None:
        self.sent.append(("hang_up", ""))

    def sound_ms(self) -> float:
        """How much audio was sent."""
        return sum(int(size) for kind, size in self.sent if kind == "audio") / 8

    def marks(self) -> list[str]:
        """The names of the marks that were sent."""
        return [str(name) for kind, name in self.sent if kind == "mark"]


async def use(tool: Tool, arguments: str, context: ToolContext | None = None) -> str:
    """Check a call of a tool and run it, as the effects do."""
    return await tool.prepare(arguments, context or ToolContext(CallInfo("CA1", "MZ1")))()

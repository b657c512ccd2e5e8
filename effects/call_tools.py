"""The tools that every agent has: to end the call, and to pass it on.

They do nothing themselves. They ask the chart, which lets the reply be heard first, and keeps
the call if the caller goes on talking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, create_model

from effects.ports import Tool, ToolContext
from effects.toolkit import tool
from states.agent import Agent


class EndCall(BaseModel):
    """End the call. Only use this when the caller has said goodbye or clearly needs nothing
    more, and say goodbye in the same reply."""

    reason: str = Field(description="why the call ends, in a few words")


class Asked(BaseModel):
    """What the language model is told: what it asked for will happen."""

    ok: bool = True
    note: str


@tool(EndCall, changes=True)
async def end_call(arguments: EndCall, context: ToolContext) -> Asked:
    """End the call after this reply."""
    context.end_call(arguments.reason)
    return Asked(note="the call ends after this reply: say goodbye now")


class TransferCall(BaseModel):
    """Put the caller through to somebody else. Only use this when the caller wants it or you
    cannot help, and say in the same reply to whom you are putting them through."""

    to: str
    reason: str = Field(description="why the caller is put through, in a few words")


def transfer_call(transfers: Mapping[str, str]) -> Tool:
    """The tool that puts callers through to one of ``transfers`` (numbers or addresses by
    name), named so or by its number; to nobody else."""

    def known(to: str) -> str:
        if to in transfers:
            return transfers[to]
        if to in transfers.values():
            return to
        raise ValueError(f"no such destination; there are: {', '.join(transfers)}")

    names = Field(description="to whom", json_schema_extra={"enum": list(transfers)})
    arguments = create_model(
        TransferCall.__name__,
        __base__=TransferCall,
        __doc__=TransferCall.__doc__,
        to=(Annotated[str, AfterValidator(known), names], ...),
    )

    @tool(arguments, changes=True)
    async def transfer(arguments: TransferCall, context: ToolContext) -> Asked:
        context.transfer_call(arguments.to, arguments.reason)
        return Asked(note="the call is passed on after this reply: tell the caller now")

    return transfer


def call_tools(agent: Agent) -> tuple[Tool, ...]:
    """The built-in tools of an agent. Without transfers there is nowhere to pass a call on to."""
    return (end_call, transfer_call(agent.transfers)) if agent.transfers else (end_call,)

"""``antiphon dial``: have a running service call somebody."""

from __future__ import annotations

from typing import Annotated

import msgspec
import trio
import typer

from engine.command import run
from engine.errors import ConfigError
from engine.telephony import CALLS, Made, Wanted

TOKEN_VARIABLE = "ANTIPHON_TWILIO__CALLS_TOKEN"  # the variable's name, not a token
ANSWER_S = 15.0


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dial)


def dial(
    to: Annotated[str, typer.Argument(help="+15551234567, or sip:somebody@example.com.")],
    url: Annotated[str, typer.Option(help="The service.")] = "http://127.0.0.1:8765",
    token: Annotated[
        str,
        typer.Option(
            help="What it wants to be shown, if anything.",
            envvar=TOKEN_VARIABLE,
            show_envvar=True,
        ),
    ] = "",
) -> None:
    """Have a service call somebody: its agent speaks when they answer.

    The service needs an account at Twilio, a number and a public address: account_sid,
    from_number and public_url in its configuration's table twilio. Prints the call's id, by
    which its journal is found.
    Exit code 2, with the reason, if no call can be made.
    """
    run(lambda: _dial(to, url, token))


async def _dial(to: str, url: str, token: str) -> None:
    import httpx  # here, because it takes a while to import

    headers = {"authorization": f"Bearer {token}"} if token else {}
    body = msgspec.json.encode(Wanted(to))
    try:
        async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
            answer = await client.post(f"{url.rstrip('/')}{CALLS}", content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConfigError(f"{url} does not answer: {str(error) or type(error).__name__}") from error
    await trio.lowlevel.checkpoint()
    if answer.status_code != 201:
        raise ConfigError(f"{url}: {answer.text.strip() or answer.status_code}")
    typer.echo(msgspec.json.decode(answer.content, type=Made).call_id)

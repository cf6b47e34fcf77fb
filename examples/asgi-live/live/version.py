from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live import VERSION


class NameVersion:
    """Say in every answer, the WebSocket's first one too, which version of the app gave it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def named(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                MutableHeaders(scope=message)["X-App-Version"] = VERSION
            await send(message)

        await self.app(scope, receive, named if scope["type"] != "lifespan" else send)

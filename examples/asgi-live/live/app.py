"""The application: a page, a WebSocket to talk, a stream of events to watch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from live import VERSION
from live.hub import Hub, Listener, Message
from live.shutdown import on_terminate
from live.version import NameVersion

STATIC = Path(__file__).with_name("static")
LONGEST_TEXT = 500
TRY_AGAIN_LATER = 1013  # RFC 6455's registry of close codes


async def page(_request: Request) -> FileResponse:
    return FileResponse(STATIC / "index.html")


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def events(request: Request) -> StreamingResponse:
    """Every second the time, and how many are here as it changes (server-sent events)."""
    hub: Hub = request.app.state.hub

    async def stream() -> AsyncIterator[str]:
        with hub.listen() as listener:
            yield f"retry: 1000\nevent: hello\ndata: {json.dumps({'version': VERSION})}\n\n"
            async for message in listener:
                if message.kind != "said":
                    yield f"event: {message.kind}\ndata: {json.dumps(message.data)}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


async def talk(websocket: WebSocket) -> None:
    """What one says, everybody hears, oneself included (WebSocket)."""
    hub: Hub = websocket.app.state.hub
    await websocket.accept()
    await websocket.send_json({"kind": "hello", "version": VERSION})
    with hub.listen() as listener:
        forwarding = asyncio.create_task(forward(listener, websocket))
        try:
            async for text in websocket.iter_text():
                if said := text.strip()[:LONGEST_TEXT]:
                    hub.say(Message("said", {"text": said}))
        finally:
            forwarding.cancel()
            await asyncio.gather(forwarding, return_exceptions=True)


async def forward(listener: Listener, websocket: WebSocket) -> None:
    try:
        async for message in listener:
            if message.kind != "tick":
                await websocket.send_json({"kind": message.kind, **message.data})
        await websocket.close(TRY_AGAIN_LATER)
    except (WebSocketDisconnect, RuntimeError):
        return  # it hung up between two messages


async def clock(hub: Hub) -> None:
    """Tell the time every second, with a number that shows a gap."""
    number = 0
    while True:
        number += 1
        now = datetime.now(UTC).isoformat(timespec="seconds")
        hub.say(Message("tick", {"number": number, "time": now}))
        await asyncio.sleep(1)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.hub = hub = Hub()
    ticking = asyncio.create_task(clock(hub))
    with on_terminate(hub.close):
        yield
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)


app = Starlette(
    routes=[
        Route("/", page),
        Route("/healthz", health),
        Route("/events", events),
        WebSocketRoute("/talk", talk),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ],
    middleware=[Middleware(NameVersion)],
    lifespan=lifespan,
)

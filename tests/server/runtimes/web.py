"""A web server for tests: says who it is, and does as its variables tell it.

- ``TERM=ignore``: goes on when asked to end; ``TERM=finish``: ends after what it answers.
- ``/slow``: takes a second. ``/crash``: ends without an answer. ``/print?TEXT``: prints.
"""

import json
import os
import signal
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(1)
        if self.path == "/crash":
            os._exit(3)
        if self.path.startswith("/print?"):
            print(self.path.partition("?")[2], flush=True)
        body = json.dumps({"pid": os.getpid(), "cwd": str(Path.cwd()), "env": dict(os.environ)})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_: object) -> None:
        pass


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False


class Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = False


def main() -> None:
    if os.environ.get("CRASH"):
        print("cannot start: no database", file=sys.stderr, flush=True)
        sys.exit(7)
    if path := os.environ.get("HOLDFAST_SOCKET"):
        server: socketserver.BaseServer = Unix(path, Handler)
    else:
        host = os.environ.get("LISTEN", "127.0.0.1")
        server = Tcp((host, int(os.environ["PORT"])), Handler)
    if os.environ.get("TERM") == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        ending = lambda *_: threading.Thread(target=server.shutdown).start()  # noqa: E731
        signal.signal(signal.SIGTERM, ending)
    print("listening", flush=True)
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    print("ended in peace", flush=True)


main()

"""LuaJIT compiles what every request of an open gate runs.

Nothing else would tell: with the id alone interpreted a request took 58,700 instructions in place
of 38,800.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from tests.edge.site import Site
from tests.edge.wire import WireError

GATE = Path(__file__).parents[2] / "src/holdfast/edge/lua/holdfast/gate.lua"
WAY = ("arrive", "balance", "log")


def test_fast_path_is_compiled(site: Site) -> None:
    """Each of the three calls is one trace from its beginning to its return.

    What LuaJIT cannot compile (a loop in front of more code, a tail call of a C function) would
    show as a trace that ends elsewhere, or as none.
    """
    backend = site.serve()
    backend.keep = True
    told = site.root / "edge" / "traces"  # where nginx's workers may be
    told.touch()
    told.chmod(0o666)  # a worker is another user when we are root
    main = site.root / "edge" / "nginx.conf"
    hook = "init_worker_by_lua_block { "
    listening = f'{hook}require("jit.v").on("{told}") '
    assert hook in main.read_text()
    main.write_text(main.read_text().replace(hook, listening))
    os.kill(site.pid(), signal.SIGHUP)  # Edge.reload would write it anew
    starts = {name: _line(name) for name in WAY}

    missing = starts
    for _ in range(40):
        # The old worker closes its connections when it has heard of the reload.
        with suppress(WireError, OSError):
            client = site.client()
            assert all(client.ask("/").status == 200 for _ in range(50))
            client.close()
        traces = told.read_text()
        missing = {
            name: start
            for name, start in starts.items()
            if f" gate.lua:{start} return]" not in traces
        }
        if not missing:
            break
    assert not missing, f"LuaJIT said:\n{told.read_text()}"


def _line(name: str) -> int:
    pattern = re.compile(rf"function _M\.{name}\(")
    lines = GATE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if pattern.match(line))

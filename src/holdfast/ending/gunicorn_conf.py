"""gunicorn's configuration: the app's own ``gunicorn.conf.py``, and how it ends.

Run by gunicorn, in the app's environment and by its Python, which may be older than ours.
"""

import atexit
import os
import sys
import threading
import time
from typing import Any

_OWN = "gunicorn.conf.py"

if os.path.exists(_OWN):
    __file__ = os.path.abspath(_OWN)
    with open(_OWN, "rb") as _stream:
        exec(compile(_stream.read(), __file__, "exec"), globals())


class _Clock:
    """``time`` as gunicorn's master sees it: its looks at workers that end come sooner.

    It sleeps 0.1 s before it first looks and 0.1 s once the last has gone (``Arbiter.stop``,
    gunicorn 19 to 27), which a hold's visitors wait for.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        stopping = sys._getframe(1).f_code.co_name == "stop"
        time.sleep(min(seconds, _LOOK) if stopping else seconds)


_LOOK = 0.005
_arbiter: Any = sys.modules.get("gunicorn.arbiter")
if getattr(_arbiter, "time", None) is time:
    _arbiter.time = _Clock()

_worker_exit = globals().get("worker_exit")
_threads: Any = threading  # what the interpreter itself calls has no public name


def worker_exit(server: Any, worker: Any) -> None:
    """Called last in a worker, on its way out of the interpreter.

    What is left to do there is done here in the same order (Py_FinalizeEx): threads joined,
    exit handlers called, buffers flushed. A worker that ends for an error goes the long way:
    its exit status tells gunicorn what to do.
    """
    if _worker_exit is not None:
        _worker_exit(server, worker)
    leaving = sys.exc_info()[1]
    if not isinstance(leaving, SystemExit) or leaving.code not in (None, 0):
        return
    try:
        _threads._shutdown()
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        os._exit(0)

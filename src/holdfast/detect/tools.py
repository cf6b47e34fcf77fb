"""Apps that a command of their framework serves: Streamlit, Gradio, Panel, marimo, Voilà.

Known by what they import; started with the flags that a proxy needs. They keep their
sessions in memory, so each is one process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from holdfast.config import Config
from holdfast.detect import asks, handlers, importing, scripts, spaces, told
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import Confidence, EnvRead, Evidence, Fact, ToolApp
from holdfast.detect.tree import Tree, parent
from holdfast.records import record


@record
class Tool:
    """One of them.

    Attributes:
        module: what is imported; ``package`` is what is installed.
        command: for the shell; ``{file}`` and ``{host}`` are filled in.
        health: answered when it works.
        starts: what stands in the file that is started; empty: any import will do.
        besides: what it needs that it does not bring along.
        mounts: by which an ASGI app takes it in, and is then what is served.
    """

    module: str
    package: str
    command: str
    health: str
    starts: tuple[bytes, ...] = ()
    besides: tuple[str, ...] = ()
    mounts: bytes = b""


BOOT = 180.0
"""Seconds for a boot: they import hundreds of megabytes. Gradio took 32 s on a busy machine with
its modules compiled, and more than 60 s without."""

LAUNCHER = "holdfast_launch"
TOOLS = {
    tool.module: tool
    for tool in (
        Tool(
            "streamlit",
            "streamlit",
            'exec streamlit run {file} --server.address 127.0.0.1 --server.port "$PORT"'
            " --server.headless true --server.fileWatcherType none"
            " --browser.gatherUsageStats false --browser.serverAddress {host}",
            "/_stcore/health",
        ),
        Tool(
            "gradio",
            "gradio",
            f"exec python -m {LAUNCHER} {{file}}",
            "/",
            (b".launch(",),
            mounts=b"mount_gradio_app(",
        ),
        Tool(
            "panel",
            "panel",
            'exec panel serve {file} --address 127.0.0.1 --port "$PORT" --use-xheaders'
            " --allow-websocket-origin {host}",
            "/",
            (b".servable(",),
        ),
        Tool(
            "chainlit",
            "chainlit",
            'exec chainlit run {file} --host 127.0.0.1 --port "$PORT" --headless',
            "/",
            (b".on_message", b".on_chat_start", b".on_chat_resume"),
            mounts=b"mount_chainlit(",
        ),
        Tool(
            "shiny",
            "shiny",
            'exec shiny run {file} --host 127.0.0.1 --port "$PORT"',
            "/",
            (b"shiny.express", b"App("),
        ),
        Tool(
            "solara",
            "solara",
            'exec solara run {file} --host 127.0.0.1 --port "$PORT" --production --no-open',
            "/",
            (b"def Page(", b"Page =", b"routes ="),
        ),
        Tool(
            "bokeh",
            "bokeh",
            'exec bokeh serve {file} --address 127.0.0.1 --port "$PORT" --use-xheaders'
            " --allow-websocket-origin {host}",
            "/",
            (b"curdoc(",),
        ),
        Tool(
            "robyn",
            "robyn",
            'exec env ROBYN_HOST=127.0.0.1 ROBYN_PORT="$PORT" python {file}',
            "/",
            (b".start(",),
        ),
        Tool(
            "flet",
            "flet",
            "exec env FLET_FORCE_WEB_SERVER=true FLET_SERVER_IP=127.0.0.1"
            ' FLET_SERVER_PORT="$PORT" python {file}',
            "/",
            (b"ft.run(", b"ft.app(", b"flet.run(", b"flet.app("),
            besides=("flet-web",),
        ),
        Tool(
            "marimo",
            "marimo",
            'exec marimo run {file} --host 127.0.0.1 --port "$PORT" --headless --no-token',
            "/health",
            (b"marimo.App(",),
        ),
    )
}
_BEST = ("streamlit_app.py", "app.py", "main.py", "Home.py", "home.py", "Main.py", "index.py",
         "dashboard.py", "demo.py", "Hello.py", "run.py")  # fmt: skip

GRADIO = '''"""Written by Holdfast: a Gradio script, made to listen where it is told."""

import os
import runpy
import sys

import gradio

_theirs = gradio.Blocks.launch


def _launch(self, *args, **given):
    given.update(
        server_name="127.0.0.1", server_port=int(os.environ["PORT"]), share=False, inbrowser=False,
        prevent_thread_lock=False, quiet=True,
    )
    return _theirs(self, **given)


gradio.Blocks.launch = _launch
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
'''


def streamlit() -> str:
    """A module that starts Streamlit with the app's variables among its secrets."""
    text = asks.text("streamlit_secrets")
    return text + (
        "\n\nif __name__ == '__main__':\n    import sys\n    from streamlit.web import cli\n\n"
        "    from_environment()\n    sys.argv[0] = 'streamlit'\n    cli.main()\n"
    )


def reads_secrets(facts: Iterable[Fact], found: ToolApp) -> bool:
    """Whether a script for Streamlit looks into ``st.secrets``."""
    return found.tool == "streamlit" and any(
        isinstance(fact, EnvRead) and fact.streamlit for fact in facts
    )


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """The file that each tool would be given."""
    sources = [*tree.mentioning(*(name.encode() for name in TOOLS))]
    of_space = spaces.app_file(tree)
    for tool in TOOLS.values():
        places = {of_space: "."} if of_space else {}  # a Space is run from its root
        for path, directory in told.scripts(tree, tool.module) if sources else ():
            places.setdefault(path, directory)
        order = [*places]
        mounted = tool.mounts and any(tree.holding(tool.mounts))
        found = []
        for source in () if mounted else sources:
            tops = {item.partition(".")[0] for item in source.imported_modules}
            aside = is_aside(source.path) and source.path not in places
            if tool.module not in tops or aside or "/pages/" in f"/{source.path}":
                continue
            data = tree.read(source.path)
            if tool.starts and not any(word in data for word in tool.starts):
                continue
            at = order.index(source.path) if source.path in places else len(order)
            found.append((at, _rank(source.path), source.path))
        if found:
            path = min(found)[2]
            there = places.get(path) or _run_in(tree, path)
            found_tool = ToolApp(Evidence(path, 1), tool.module, directory=there)
            yield replace(found_tool, confidence=Confidence.LIKELY)
    notebooks = [item for item in tree.files if item.endswith(".ipynb") and not is_aside(item)]
    if notebooks:
        yield ToolApp(Evidence(min(notebooks, key=_rank)), "voila", confidence=Confidence.GUESS)


def _run_in(tree: Tree, path: str) -> str:
    """The folder that a script is run in: where its imports are found, or else what it reads."""
    source = tree.source(path)
    if source is None:
        return ""
    root = importing.import_root(tree, source)
    return root if root != parent(path) else importing.reads_from(tree, source, root)


VOILA = Tool(
    "voila",
    "voila",
    'exec voila {file} --no-browser --port="$PORT" --Voila.ip=127.0.0.1',
    "/voila/static/voila.js",
    besides=("ipykernel",),
)
SCRIPTS = {
    module: Tool(
        module,
        "" if module in sys.stdlib_module_names or "." in module else module,
        f"exec python -m {LAUNCHER} {{file}}",
        "/",
        besides=("waitress",) if module in ("bottle", "flask", "connexion") else (),
    )
    for module in ("tornado", "taipy", "flask", "connexion", *scripts.CALLS.values())
}
SCRIPTS[handlers.TOOL] = SCRIPTS["http.server"]
"""Those that start a server of their own."""
TOOLS_AND_NOTEBOOKS = {**SCRIPTS, **TOOLS, "voila": VOILA}


def _rank(path: str) -> tuple[int, int]:
    name = path.rpartition("/")[2].replace(".ipynb", ".py")
    return path.count("/"), _BEST.index(name) if name in _BEST else len(_BEST)


def of_project(facts: Sequence[Fact], packages: frozenset[str]) -> ToolApp | None:
    """The tool that the project depends on, else one whose file was found.

    A notebook is an app for Voila alone, and only where that is asked for.
    """
    found = [fact for fact in facts if isinstance(fact, ToolApp) and not fact.last]
    found = [item for item in found if item.tool != "voila" or "voila" in packages]
    named = [item for item in found if TOOLS_AND_NOTEBOOKS[item.tool].package in packages]
    return next(iter(named or found), None)

"""Python that is newer than the one Holdfast runs on, rewritten so that ours can read it.

The app may run on a later Python than we do, and a file that is right there is not broken.
What each version has added is taken away or written as it was before, on the same lines: good
enough to see what is assigned, imported and called. Nothing of it is ever run.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable

_STARTS = re.compile(r"#|(?<!\w)(?P<prefix>[rbftuRBFTU]{0,2})(?P<quote>'''|\"\"\"|'|\")")
_PARAMETERS = re.compile(
    r"^([ \t]*(?:(?:async[ \t]+)?def[ \t]+|class[ \t]+|)\w+)[ \t]*"
    r"(\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*\])(?=[ \t]*[(:])",
    re.MULTILINE,
)
_PLAIN = re.compile(r"(['\"])[^'\"\\\n]*\1")
"""A string that says the same between quotes of the other kind."""
_ALIAS = re.compile(
    r"^([ \t]*)type([ \t]+\w+)[ \t]*(\[(?:[^\[\]]|\[[^\[\]]*\])*\])?(?=[ \t]*=)", re.MULTILINE
)
_EXCEPT = re.compile(
    r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)(?=[ \t]*:)", re.MULTILINE
)
_LAZY = re.compile(r"^([ \t]*)lazy[ \t]+(?=(?:import|from)[ \t])", re.MULTILINE)


def read(data: bytes) -> tuple[ast.Module, str] | None:
    """The syntax tree of a file that ours cannot parse, and the Python that can.

    ``None``: no Python that we know of can.
    """
    text = data.decode(errors="replace").replace("\r\n", "\n")
    for version, rewrite in _STEPS:
        try:
            text = rewrite(text)
            return _parse(text), version
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _of_3_12(text: str) -> str:
    """Quotes in f-strings (PEP 701), type parameters and aliases (PEP 695)."""
    text = _strings(text, "f")
    text = _ALIAS.sub(lambda found: f"{found[1]}{found[2].strip()}{_gone(found[3])}", text)
    return _PARAMETERS.sub(_without_parameters, text)


def _of_3_14(text: str) -> str:
    """Template strings (PEP 750), several exceptions without parentheses (PEP 758)."""
    return _EXCEPT.sub(r"\1(\2)", _strings(text, "t"))


def _of_3_15(text: str) -> str:
    """Lazy imports (PEP 810)."""
    return _LAZY.sub(r"\1", text)


_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("3.12", _of_3_12),
    ("3.14", _of_3_14),
    ("3.15", _of_3_15),
)


def _without_parameters(found: re.Match[str]) -> str:
    """``class Box[T]:`` is ``class Box:``; ``rows[0]:`` is left as it is."""
    return found[1] + _gone(found[2]) if re.search(r"\b(?:def|class)\s", found[1]) else found[0]


def _gone(text: str | None) -> str:
    """Nothing, on as many lines."""
    return "\\\n" * (text or "").count("\n")


def _strings(text: str, kind: str) -> str:
    """The text with each f-string (or t-string) written as our Python can read it."""
    out: list[str] = []
    at = 0
    while (found := _STARTS.search(text, at)) is not None:
        end, inner = _literal(text, found)
        literal = text[found.start() : end]
        if kind in (found["prefix"] or "").lower():
            literal = _readable(literal, [(a - found.start(), b - found.start()) for a, b in inner])
        out += (text[at : found.start()], literal)
        at = end
    return "".join((*out, text[at:]))


def _readable(literal: str, inner: list[tuple[int, int]]) -> str:
    """An f-string as it was written before 3.12; an empty string where that cannot be done."""
    prefix = re.match(r"\w*", literal)
    head = prefix[0] if prefix else ""
    rest = literal[len(head) :]
    as_f = re.sub("[tT]", "f", head)
    swapped = list(literal)
    for start, end in inner:
        plain = _PLAIN.fullmatch(literal, start, end)
        if plain is not None:
            swapped[start] = swapped[end - 1] = '"' if plain[1] == "'" else "'"
    for tried in (as_f + rest, as_f + "".join(swapped)[len(head) :]):
        try:
            _parse(f"({tried})")
        except (SyntaxError, ValueError):
            continue
        return tried
    lines = literal.count("\n")
    return '"""' + "\n" * lines + '"""' if lines else '""'


def _literal(text: str, found: re.Match[str]) -> tuple[int, list[tuple[int, int]]]:
    """Where a comment or string ends, and the strings that stand in its fields."""
    quote = found["quote"]
    if quote is None:
        end = text.find("\n", found.end())
        return (len(text) if end < 0 else end), []
    has_fields = bool({"f", "t"} & set(found["prefix"].lower()))
    inner: list[tuple[int, int]] = []
    at = found.end()
    while at < len(text):
        if text.startswith(quote, at):
            return at + len(quote), inner
        if has_fields and text[at] == "{" and not text.startswith("{{", at):
            at = _field(text, at + 1, inner)
        elif text[at] == "\n" and len(quote) == 1:
            break
        else:
            at += 2 if text[at] == "\\" or text.startswith("{{", at) else 1
    raise SyntaxError("a string has no end")


def _field(text: str, at: int, inner: list[tuple[int, int]]) -> int:
    """The end of ``{...}``; the strings in its expression are added to ``inner``."""
    depth = 0
    while at < len(text):
        character = text[at]
        found = _STARTS.match(text, at)
        if found is not None:
            at, _ = _literal(text, found)
            if found["quote"] is not None:
                inner.append((found.start(), at))
            continue
        if character == "}" and not depth:
            return at + 1
        if character == ":" and not depth:
            return _format(text, at + 1, inner)
        depth += (character in "([{") - (character in ")]}")
        at += 1
    raise SyntaxError("a field has no end")


def _format(text: str, at: int, inner: list[tuple[int, int]]) -> int:
    """The end of a field's format, in which quotes are only characters."""
    while at < len(text) and text[at] not in "}\n":
        at = _field(text, at + 1, inner) if text[at] == "{" else at + 1
    return at + 1


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)

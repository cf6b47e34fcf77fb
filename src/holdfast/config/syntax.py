"""What is wrong with a file that is not TOML: line, column, the line, and what was meant."""

from __future__ import annotations

import re

from holdfast.config.secrets import secret_name, secret_value
from holdfast.errors import ConfigError

_POSITION = re.compile(
    r"(.*?)(?: \(at (?:line (\d+), column (\d+)|end of document)\))?\Z", re.DOTALL
)
_HEADER = re.compile(r"\s*\[+([^\[\]]*)\]+\s*(?:#.*)?\Z")
_NAMES = re.compile(r"([A-Za-z_][\w-]*)[\"']?\s*[=:]")
_WIDEST = 100


def explain(name: str, text: str, message: str) -> ConfigError:
    """The error for what tomllib said.

    Args:
        message: tomllib's, which ends with ``(at line 3, column 5)`` or ``(at end of document)``.
    """
    found = _POSITION.match(message)
    said = found[1] if found else message
    lines = text.rstrip().split("\n")
    if not found or not found[2]:
        number, column = len(lines), len(lines[-1]) + 1
    else:
        number, column = int(found[2]), int(found[3])
    line = lines[number - 1].rstrip("\r") if number <= len(lines) else ""
    picture = _picture(line, column) if _may_be_shown(lines[:number]) else _outline(line)
    return ConfigError(f"{name}: line {number}, column {column}", _sentence(said, line) + picture)


def _sentence(said: str, line: str) -> str:
    """tomllib's words, or plainer ones, and the likely slip."""
    if found := re.match(r"Cannot (?:declare|mutate) \((.*?),?\)", said):
        keys = ".".join(re.findall(r"'([^']*)'", found[1]))
        return f"[{keys}] is there twice; once is enough"
    plainer = {
        "Cannot overwrite a value": "the key is there twice; once is enough",
        r"Illegal character '\n'": "the string does not end; a quote is missing",
        "Unterminated string": "the string does not end; a quote is missing",
        "Unclosed array": "the list does not end; a comma or ] is missing",
        "Invalid hex value": r"a backslash starts an escape; write \\ or single quotes",
        "Unescaped '\\' in a string": r"a backslash starts an escape; write \\ or single quotes",
    }
    return plainer.get(said) or f"{said[:1].lower()}{said[1:]}{_meant(line)}"


def _meant(line: str) -> str:
    if re.match(r"\s*\[[^\[\]]*\Z", line):
        return "; a table's name ends with ]"
    if "=" not in line and (found := re.match(r"\s*([\w-]+)\s*:", line)):
        return f'; TOML writes `{found[1]} = "…"`'
    value = line.partition("=")[2].strip()
    if "=" in line and not value:
        return "; a value is missing"
    if re.match(r"(True|False|yes|no|on|off)\b", value):
        return "; only true and false, in small letters, are booleans"
    return "; a string needs quotes" if re.match(r"[A-Za-z/.$]", value) else ""


def _may_be_shown(lines: list[str]) -> bool:
    """Whether the last of the lines holds no variable, which may be a secret."""
    headers = [found[1] for line in lines if (found := _HEADER.match(line))]
    in_env = bool(headers) and headers[-1].strip().rpartition(".")[2].strip() == "env"
    names = _NAMES.findall(lines[-1])
    return not (in_env or secret_value(lines[-1]) or any(map(secret_name, names)))


def _outline(line: str) -> str:
    """The line without its value."""
    key, equals, _ = line.partition("=")
    return f"\n    {key.strip()} = …" if equals and len(key) < _WIDEST else ""


def _picture(line: str, column: int) -> str:
    """The line with a mark under the place."""
    start = max(0, column - 1 - _WIDEST // 2)
    part = line.expandtabs(1)[start : start + _WIDEST]
    return f"\n    {part}\n    {' ' * (column - 1 - start)}^" if part.strip() else ""

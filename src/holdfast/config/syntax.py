"""What is wrong with a file that is not TOML: line, column, the line, and what was meant."""

from __future__ import annotations

import re

from holdfast.config.secrets import secret_name, secret_value
from holdfast.errors import ConfigError

_POSITION = re.compile(
    r"(.*?)(?: \(at (?:line (\d+), column (\d+)|end of document)\))?\Z", re.DOTALL
)
_WIDEST = 100


def explain(name: str, text: str, message: str) -> ConfigError:
    """The error for what tomllib said.

    Args:
        message: tomllib's, which ends with ``(at line 3, column 5)`` or ``(at end of document)``.
    """
    found = _POSITION.match(message)
    said = found[1] if found else message
    lines = text.splitlines() or [""]
    if not found or not found[2]:
        number, column = len(lines), len(lines[-1]) + 1
    else:
        number, column = int(found[2]), int(found[3])
    line = lines[number - 1] if number <= len(lines) else ""
    body = f"{said[:1].lower()}{said[1:]}{_meant(line, said)}"
    return ConfigError(f"{name}: line {number}, column {column}", body + _picture(line, column))


def _meant(line: str, said: str) -> str:
    """The likely slip, as the rest of the sentence."""
    if "Cannot overwrite" in said or "Cannot declare" in said or "twice" in said:
        return "; it is there twice, and once is enough"
    if re.match(r"\s*\[[^\[\]]*\Z", line):
        return "; a table's name ends with ]"
    if "=" not in line and (found := re.match(r"\s*([\w-]+)\s*:\s*(.*)", line)):
        return f'; TOML writes `{found[1]} = "…"`'
    value = line.partition("=")[2].strip()
    if re.match(r"(True|False|yes|no|on|off)\b", value):
        return "; true and false are written without capitals and quotes"
    if re.match(r"[A-Za-z/.$]", value):
        return "; a string needs quotes"
    if value.count('"') == 1 or value.count("'") == 1:
        return "; a quote is missing"
    return ""


def _picture(line: str, column: int) -> str:
    """The line with a mark under the place; a value that may be a secret is not shown."""
    key = line.partition("=")[0]
    if secret_name(key.strip().strip("\"'")) or secret_value(line):
        return f"\n    {key.rstrip()} = …" if "=" in line else ""
    start = max(0, column - 1 - _WIDEST // 2)
    part = line.expandtabs(1)[start : start + _WIDEST]
    return f"\n    {part}\n    {' ' * (column - 1 - start)}^" if part.strip() else ""

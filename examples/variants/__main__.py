"""``python -m examples.variants EXAMPLE KIND DIRECTORY VERSION``"""

from __future__ import annotations

import argparse
from pathlib import Path

from examples.variants.make import EXAMPLES, KINDS, make_variant


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.variants")
    parser.add_argument("example", choices=sorted(EXAMPLES))
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("directory", type=Path)
    parser.add_argument("version")
    wanted = parser.parse_args()
    print(make_variant(wanted.example, wanted.kind, wanted.directory, wanted.version))


main()

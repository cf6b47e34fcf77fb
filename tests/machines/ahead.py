"""Make what test servers are made of while other tests run: ``python -m tests.machines.ahead``.

``bin/test`` starts it in the background before the areas that need servers. It says nothing and
decides nothing: whoever finds an image missing makes it, or waits for it, and tells what is wrong.
"""

from __future__ import annotations

from tests.machines import host
from tests.machines.base_images import NGINX, PYTHON, archive
from tests.machines.image import RELEASES, image


def main() -> None:
    """Every image of :mod:`tests.machines.image`, and those of Docker's base images that tests
    load, as far as missing.

    Raises:
        HostError: a program failed.
    """
    if not host.may_host():
        return
    host.prepare()
    for version in sorted(RELEASES, reverse=True):  # the bare one is made on the way
        with image(version, prepared=True):
            pass
    with image("13", docker=True):
        pass
    for base in (PYTHON, NGINX):  # the others are for benchmarks
        archive(base)


if __name__ == "__main__":
    main()

"""Docker inside a test server, with a port published past everybody's rules for input.

What Docker keeps must lie on no overlay (``plain=(DOCKER_KEEPS,)``): its own disks are some.
No image can be pulled there; one is made of busybox, from the distribution's package.
"""

from __future__ import annotations

from collections.abc import Callable

PORT = 8088

_INSTALL = """\
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install --no-install-recommends docker.io docker-cli iptables busybox-static
"""

_PUBLISH = f"""\
set -e
home=$(mktemp -d)
mkdir "$home/bin" "$home/www"
cp /bin/busybox "$home/bin/busybox"
echo published >"$home/www/index.html"
tar -C "$home" -c . | docker import - published:1
docker run --detach --restart=always --name published --publish {PORT}:{PORT} published:1 \\
    /bin/busybox httpd -f -p {PORT} -h /www
"""


def publish(root: Callable[[str], str]) -> None:
    """Install Docker and publish :data:`PORT` on all addresses.

    Args:
        root: runs shell text as root on the server.
    """
    root(_INSTALL)
    root(_PUBLISH)


ANSWERS = f"busybox wget -q -T 5 -O - http://127.0.0.1:{PORT}/"
"""Prints ``published`` on the server itself, once the container is up."""

"""What Debian and Ubuntu call the headers that packages are compiled with."""

from __future__ import annotations

from collections.abc import Iterable

COMPILER = ("build-essential", "python3-dev")
PACKAGES = {
    "mysqlclient": "default-libmysqlclient-dev pkg-config",
    "psycopg2": "libpq-dev",
    "psycopg-c": "libpq-dev",
    "lxml": "libxml2-dev libxslt1-dev",
    "pillow": "libjpeg-dev zlib1g-dev libfreetype-dev",
    "cffi": "libffi-dev",
    "cryptography": "libssl-dev libffi-dev cargo",
    "bcrypt": "libffi-dev cargo",
    "python-ldap": "libldap2-dev libsasl2-dev",
    "xmlsec": "libxmlsec1-dev pkg-config",
    "pycairo": "libcairo2-dev pkg-config",
    "pygraphviz": "graphviz libgraphviz-dev",
    "pycurl": "libcurl4-openssl-dev libssl-dev",
    "gdal": "libgdal-dev",
    "fiona": "libgdal-dev",
    "rasterio": "libgdal-dev",
    "pymssql": "freetds-dev",
    "pyodbc": "unixodbc-dev",
    "pyaudio": "portaudio19-dev",
    "dbus-python": "libdbus-1-dev libglib2.0-dev",
    "gmpy2": "libgmp-dev libmpfr-dev libmpc-dev",
    "python-snappy": "libsnappy-dev",
    "h5py": "libhdf5-dev pkg-config",
}


def of(names: Iterable[str]) -> tuple[str, ...]:
    """The distribution's packages that those are compiled with; none where one is not known.

    A compiler alone is tried for no package that nobody knows: most that fail are too old for
    the Python at hand, and no header helps them.
    """
    wanted = [PACKAGES.get(name) for name in names]
    if not wanted or None in wanted:
        return ()
    found = [item for words in wanted if words for item in words.split()]
    return tuple(dict.fromkeys((*COMPILER, *found)))

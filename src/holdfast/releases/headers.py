"""What Debian and Ubuntu call the headers that packages are compiled with."""

from __future__ import annotations

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

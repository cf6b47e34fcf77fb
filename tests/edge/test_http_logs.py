"""The access log, for a person and for a program; logs that grow."""

from __future__ import annotations

import json
import re
from pathlib import Path

from holdfast.edge import logs
from tests.edge.site import Site, eventually
from tests.edge.test_http_hosts import raw

LINE = re.compile(
    r'(?P<client>\S+) \[(?P<time>\S+)\] (?P<host>\S+) "(?P<request>[^"]*)" (?P<status>\d+)'
    r" (?P<bytes>\d+) ended=(?P<ended>[\d.]+) total=(?P<total>[\d.]+)s app=(?P<app>[\d.-]+)s"
    r" waited=(?P<waited>[\d.-]+)s"
    r" slot=(?P<slot>[ab-]) release=(?P<release>\S+) id=(?P<id>[0-9a-f]{32})"
    r' "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"\n'
)
NASTY = b'q"uo\\te\ttab \xc3\xbcml\xf0\x9f\x98\x80 {"a":1} \x7f end'


def lines(log: Path, count: int) -> list[bytes]:
    """The log's lines when there are so many."""
    eventually(lambda: log.exists() and log.read_bytes().count(b"\n") >= count, f"{count} lines")
    return log.read_bytes().splitlines(keepends=True)


def log_of(site: Site) -> Path:
    return site.root / "edge" / "logs" / "app.access.log"


def requests(site: Site) -> list[str]:
    """One that is held for a moment, one with a nasty agent; their ids."""
    site.hold()
    client = site.client().send("/held?a=b", Referer="http://r.test/")
    site.waiting(1)
    site.open()
    held = client.read()
    nasty = raw(
        site,
        b"GET /x\xff HTTP/1.1\r\nHost: app.test\r\nUser-Agent: " + NASTY + b"\r\n"
        b"Referer: ok \xff\xfe lost\r\n\r\n",
    )
    assert held.status == nasty.status == 200
    return [held.headers["x-request-id"], nasty.headers["x-request-id"]]


def test_text(site: Site) -> None:
    """Each line of the text log has the same fields, whatever a client writes into its headers."""
    site.serve()
    ids = requests(site)
    found = [LINE.fullmatch(line.decode("ascii")) for line in lines(log_of(site), 2)]
    assert all(found)
    held, nasty = (match.groupdict() for match in found if match)
    assert [held["id"], nasty["id"]] == ids
    assert held["request"] == "GET /held?a=b HTTP/1.1"
    assert float(held["waited"]) > 0
    assert float(held["total"]) >= float(held["waited"])
    assert float(held["app"]) <= float(held["total"])
    assert (held["slot"], held["release"], held["status"]) == ("a", "r-a", "200")
    assert nasty["waited"] == "-"


def test_json(site: Site) -> None:
    """Each line of the JSON log is JSON in UTF-8; bytes that are none end their field."""
    site.serve(access_log="json")
    ids = requests(site)
    long = "ü" * 7000
    raw(site, f"GET / HTTP/1.1\r\nHost: app.test\r\nUser-Agent: {long}\r\n\r\n".encode())
    held, nasty, large = map(json.loads, lines(log_of(site), 3))
    assert [held["id"], nasty["id"]] == ids
    assert (held["method"], held["uri"], held["referer"]) == ("GET", "/held?a=b", "http://r.test/")
    assert (held["slot"], held["release"], held["status"]) == ("a", "r-a", 200)
    assert 0 < held["waited_s"] <= held["total_s"]
    assert held["app_s"] <= held["total_s"]
    assert nasty["waited_s"] is None
    assert nasty["agent"] == NASTY.decode()
    assert (nasty["uri"], nasty["referer"]) == ("/x", "ok ")
    assert large["agent"] == long


def test_answers_without_an_app(site: Site) -> None:
    """Requests that never reached the app are logged as well, with their status."""
    site.serve(access_log="json", max_body=10)
    site.ask("/", "POST", body=b"x" * 11)
    site.edge.maintenance("app")
    site.ask("/")
    large, down = map(json.loads, lines(log_of(site), 2))
    assert (large["status"], large["app_s"], large["slot"]) == (413, None, "-")
    assert (down["status"], down["app_s"], down["slot"]) == (503, None, "-")


def test_off(site: Site) -> None:
    """No log is written for an app that wants none."""
    site.serve(access_log="off")
    site.ask("/")
    site.edge.reload()
    assert not log_of(site).exists()


def test_large_logs_are_put_aside(site: Site) -> None:
    """A log over 50 MB is renamed by the next call, three old ones are kept, nothing is lost."""
    site.serve()
    log = log_of(site)
    calls = (site.edge.ensure, site.edge.reload, site.edge.limit_logs, *[site.edge.ensure] * 2)
    for number, call in enumerate(calls):
        with log.open("a") as stream:
            stream.truncate(logs.LARGEST + 1 + number)
        call()
        eventually(lambda: log.exists() and log.stat().st_size == 0, "a new log")
        assert site.ask("/").status == 200
        lines(log, 1)
    sizes = [path.stat().st_size - logs.LARGEST for path in sorted(log.parent.glob("app.*.log.*"))]
    assert len(sizes) == 3
    assert min(sizes) > 0

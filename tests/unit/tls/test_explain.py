"""What CAs refuse, in their words and in ours, and how long we leave them alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from holdfast.tls.explain import explain
from holdfast.tls.pauses import DAY, HOUR, MINUTE, pause

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()

BY_DOMAIN = """\
Saving debug log to /x/letsencrypt.log
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority \
reported these problems:
  Domain: app.example.com
  Type:   {kind}
  Detail: {detail}

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org.
"""


def logged(kind: str, detail: str, headers: str = "") -> str:
    """A refusal as certbot's log has it."""
    body = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": 429}
    return f"HTTP 429\n{headers}Content-Type: application/problem+json\n\n{json.dumps(body)}\n"


@pytest.mark.parametrize(
    ("kind", "detail", "message", "hint"),
    [
        ("caa", "CAA record for app.example.com prevents issuance", "does not allow", "CAA record"),
        ("connection", "198.51.100.7: Timeout during connect", "reach port 80", "firewall"),
        ("dns", "NXDOMAIN looking up A", "no answer from DNS", "DNSSEC"),
        ("unauthorized", "Invalid response from http://x: 404", "another server", "A and AAAA"),
    ],
)
def test_refused_challenges(kind: str, detail: str, message: str, hint: str) -> None:
    """certbot's block for a domain: which domain, what it means, what to do."""
    found = explain(BY_DOMAIN.format(kind=kind, detail=detail), "", ["app.example.com"])
    assert found.kind == kind
    assert found.message.startswith("app.example.com: ")
    assert message in found.message
    assert detail in found.message
    assert hint in found.hint


def test_rate_limit_says_until_when() -> None:
    """The moment in the CA's sentence counts; without one its header; without both an hour."""
    words = "too many certificates already issued: retry after 2026-11-26 14:30:00 UTC: see x"
    names = ["app.example.com"]
    assert explain("", logged("rateLimited", words), names, NOW).wait == 2.5 * HOUR
    headers = "Retry-After: 7200\n"
    assert explain("", logged("rateLimited", "slow down", headers), names, NOW).wait == 2 * HOUR
    assert explain("", logged("rateLimited", "slow down"), names, NOW).wait == HOUR
    past = "retry after 2026-11-26 11:00:00 UTC"
    assert explain("", logged("rateLimited", past), names, NOW).wait == MINUTE


def test_the_last_problem_counts_and_bad_nonces_do_not() -> None:
    """certbot answers a refused nonce by itself; what ended it came last."""
    log = logged("invalidContact", "no such domain") + logged("badNonce", "JWS has a bad nonce")
    found = explain("An unexpected error occurred:", log, ["a.example.com"])
    assert (found.kind, found.hint) == ("invalidContact", "correct [tls] email, or leave it out")


def test_nobody_there_and_nothing_said() -> None:
    """A CA that cannot be reached, and a certbot that fails for reasons of its own."""
    output = "An unexpected error occurred:\nrequests.exceptions.ConnectionError: refused"
    assert explain(output, "", ["a.example.com"]).kind == "unreachable"
    found = explain("PermissionError: [Errno 13]\nAsk for help or search", "", ["a.example.com"])
    assert found.message == "certbot failed: PermissionError: [Errno 13]"


def test_a_kind_that_nobody_knows() -> None:
    """It is shown as it is, and where to look."""
    found = explain("", logged("brandNew", "Whatever it is"), ["a.example.com"])
    assert found.message == "a.example.com: the CA refuses (brandNew): Whatever it is"


@pytest.mark.parametrize(
    ("kind", "failures", "told", "seconds"),
    [
        ("pointing", 1, None, 5 * MINUTE),
        ("pointing", 2, None, 10 * MINUTE),
        ("pointing", 99, None, HOUR),
        ("unauthorized", 1, None, 15 * MINUTE),
        ("unauthorized", 5, None, 4 * HOUR),
        ("unauthorized", 99, None, DAY),
        ("unreachable", 99, None, 6 * HOUR),
        ("rateLimited", 1, 2 * HOUR, 2 * HOUR),
        ("rateLimited", 99, 7 * DAY, 7 * DAY),
    ],
)
def test_pauses(kind: str, failures: int, told: float | None, seconds: float) -> None:
    """From minutes to a day, and never sooner than the CA said."""
    assert pause(kind, failures, told) == seconds


def test_no_more_than_five_failed_validations_an_hour() -> None:
    """Let's Encrypt's limit for one name: the tries of the first hours stay below it."""
    moments, now = [], 0.0
    for failures in range(1, 9):
        moments.append(now)
        now += pause("unauthorized", failures)
    assert max(sum(start <= m < start + HOUR for m in moments) for start in moments) <= 3

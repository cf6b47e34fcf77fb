"""Ask a CA for a certificate: certbot(1), from the distribution, with directories of ours."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from holdfast.app import Tls
from holdfast.command import Command
from holdfast.errors import CommandFailed
from holdfast.execute import run
from holdfast.tls.explain import Refusal, explain, no_client
from holdfast.tls.store import Store

_TIMEOUT = 300.0
"""Seconds; the CA's validation takes 2 to 10, a slow one retries for minutes."""


def command(store: Store, app: str, names: Sequence[str], tls: Tls) -> Command:
    """The one call of certbot there is: whether a new certificate is needed we know ourselves.

    It agrees to the CA's terms in the user's name (docs/tls.md says so); ``acme = false``
    is how to decline.
    """
    contact = ("--email", tls.email, "--no-eff-email") if tls.email else (_ANONYMOUS,)
    return Command(
        (
            *("certbot", "certonly", "--non-interactive", "--agree-tos", *contact),
            *("--webroot", "--webroot-path", str(store.webroot)),
            *("--preferred-challenges", "http", "--key-type", "ecdsa"),
            *("--cert-name", app, "--force-renewal", "--renew-with-new-domains"),
            *("--server", tls.directory, "--max-log-backups", "5"),
            *("--config-dir", str(store.acme / "config")),
            *("--work-dir", str(store.acme / "work")),
            *("--logs-dir", str(store.acme / "logs")),
            *(word for name in names for word in ("--domain", name)),
        ),
        timeout=_TIMEOUT,
        title="certbot",
    )


_ANONYMOUS = "--register-unsafely-without-email"


def ask(store: Store, app: str, names: Sequence[str], tls: Tls) -> Refusal | None:
    """Get a certificate for ``names`` and install it as the app's.

    Returns:
        why there is none; ``None`` if there is.
    """
    store.make()
    log = store.acme / "logs" / "letsencrypt.log"
    log.unlink(missing_ok=True)
    if shutil.which("certbot") is None:
        return no_client()
    try:
        run(command(store, app, names, tls))
    except CommandFailed as error:
        return explain(error.output, _text(log), names)
    live = store.acme / "config" / "live" / app
    store.install(
        app, (live / "fullchain.pem").read_text(), (live / "privkey.pem").read_text(), "acme"
    )
    return None


def forget(store: Store, app: str) -> None:
    """Remove what certbot keeps of an app; the account stays."""
    config = store.acme / "config"
    (config / "renewal" / f"{app}.conf").unlink(missing_ok=True)
    for name in ("live", "archive"):
        shutil.rmtree(config / name / app, ignore_errors=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

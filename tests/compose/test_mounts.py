"""What a project mounts of its own, where a release is another directory each time."""

from __future__ import annotations

from tests.compose.projects import APP, SMALL, Shop

_COMPOSE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    env_file: .env
    volumes:
      - ./templates:/app/templates
      - ./static:/app/static
      - ./key.json:/app/key.json:ro
      - ./state.json:/app/state.json
      - ./.env:/app/.env:ro
"""
_SHOWS = """\
def extra():
    said = open("/app/templates/greeting.html").read().strip()
    with open("/app/state.json", "a+") as file:
        file.write(f"{VERSION} ")
        file.seek(0)
        state = file.read().split()
    os.makedirs("/app/static/avatars", exist_ok=True)
    with open(f"/app/static/avatars/{VERSION}.png", "w") as picture:
        picture.write("picture")
    there = os.path.exists("/app/.env")
    return {
        "said": said, "state": state, "key": open("/app/key.json").read(), ".env": there,
        "style": open("/app/static/site.css").read(), "pictures": os.listdir("/app/static/avatars"),
    }
"""


def test_what_is_read_comes_anew_and_what_is_written_stays(shop: Shop) -> None:
    """Templates change with a release, as styles do beside which visitors' pictures stay; a file
    that git ignores is asked for, and put there once; one that the app writes to is kept."""
    app = APP.replace("def extra():\n    return {}\n", _SHOWS)
    shop.write({**SMALL, "app.py": app, "compose.yaml": _COMPOSE})
    shop.write({"templates/greeting.html": "good day", "static/site.css": "a {}"})
    shop.write({"state.json": "0 "})
    variables = shop.directory.parent / "production"
    variables.write_text("MODE=live\n")
    given = ("--env-file", str(variables))
    refused = shop.holdfast("deploy", "--domain", shop.host, *given, check=False)
    assert refused.returncode == 5, refused.stdout + refused.stderr
    assert "web mounts the file key.json, which was not sent" in refused.stderr
    place = f"/var/lib/holdfast/apps/{shop.name}/data/key.json"
    assert place in refused.stderr
    shop.server.ssh("sh", "-c", f"mkdir -p $(dirname {place}) && cat >{place}", input="secret")
    shop.deploy(*given)
    first = shop.ask()
    assert (first["said"], first["key"], first[".env"]) == ("good day", "secret", False)
    assert first["MODE"] == "live"
    assert first["state"][:2] == ["0", "1"]

    shop.write({"templates/greeting.html": "good night", "static/site.css": "b {}"})
    assert "web has written it" in shop.holdfast("plan").stdout
    shop.version(2)
    with shop.load() as seen:
        shop.deploy()
        second = shop.ask()
    assert (second["said"], second["style"]) == ("good night", "b {}")
    assert sorted(second["pictures"]) == ["1.png", "2.png"]
    assert second["state"][:2] == ["0", "1"]
    assert second["state"][-1] == "2"
    before = len(second["state"])
    shop.version(3)
    with shop.load() as more:
        shop.deploy()
    third = shop.ask()
    assert len(third["state"]) > before
    assert sorted(third["pictures"]) == ["1.png", "2.png", "3.png"]
    assert {*seen, *more} == {f"version {number}" for number in (1, 2, 3)}, (seen, more)

"""A shop that takes orders; a worker confirms them."""

import json
import os
from pathlib import Path

from flask import Flask, Response, abort, redirect, render_template, request, send_from_directory

from shop import database
from shop.version import VERSION

GOODS = ("bread", "cheese", "olives", "tea")
PUBLIC = Path(os.environ.get("PUBLIC", "/app/public"))
MANIFEST = Path(os.environ.get("MANIFEST", "/public/manifest.json"))


def create_app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.secret_key = os.environ["SECRET_KEY"]
    assets = json.loads(MANIFEST.read_text())
    app.jinja_env.globals["asset"] = lambda name: f"/public/{assets[name]}"

    @app.get("/")
    def index() -> str:
        return render_template("index.html", goods=GOODS, orders=database.newest(10))

    @app.post("/orders")
    def order() -> Response:
        from shop.tasks import confirm

        token, item = request.form.get("token", ""), request.form.get("item", "")
        if not token or item not in GOODS:
            abort(400)
        confirm.delay(database.add(token, item))
        return redirect("/", 303)

    @app.get("/api/orders")
    def orders() -> dict:
        return {"orders": database.everything()}

    @app.get("/public/<path:name>")
    def public(name: str) -> Response:
        return send_from_directory(PUBLIC, name, max_age=365 * 24 * 3600)

    @app.get("/up")
    def up() -> str:
        database.ping()
        return "up"

    @app.after_request
    def version(response: Response) -> Response:
        response.headers["X-App-Version"] = VERSION
        return response

    return app

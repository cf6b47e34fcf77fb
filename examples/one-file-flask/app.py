"""The planets as a page: a table to sort and narrow down, read from one CSV file."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, render_template_string, request

VERSION = "1"
DATA = Path(__file__).with_name("data") / "planets.csv"


@dataclass(frozen=True, slots=True)
class Planet:
    name: str
    kind: str
    distance_au: float
    radius_km: float
    moons: int


COLUMNS = tuple(field.name for field in fields(Planet))


def read(path: Path) -> tuple[Planet, ...]:
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            Planet(
                name=row["name"],
                kind=row["kind"],
                distance_au=float(row["distance_au"]),
                radius_km=float(row["radius_km"]),
                moons=int(row["moons"]),
            )
            for row in csv.DictReader(stream)
        )


app = Flask(__name__)
planets = read(DATA)


@app.get("/")
def page() -> str:
    return render_template_string(
        PAGE,
        planets=chosen(),
        columns=COLUMNS,
        kind=request.args.get("kind"),
        kinds=sorted({planet.kind for planet in planets}),
        largest=max(planet.radius_km for planet in planets),
        version=VERSION,
    )


@app.get("/planets.json")
def as_json() -> list[dict[str, Any]]:
    return [asdict(planet) for planet in chosen()]


def chosen() -> list[Planet]:
    """The planets that ``?kind=`` names, in the order of ``?sort=`` (``-moons``: most first)."""
    sort = request.args.get("sort", "distance_au")
    column = sort.removeprefix("-")
    if column not in COLUMNS:
        abort(400, f"sort: one of {', '.join(COLUMNS)}")
    kind = request.args.get("kind")
    found = (planet for planet in planets if kind in (None, "", planet.kind))
    return sorted(found, key=attrgetter(column), reverse=sort.startswith("-"))


@app.after_request
def name_version(response: Response) -> Response:
    response.headers["X-App-Version"] = VERSION
    return response


PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Planets</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ccc; }
  td.bar { width: 30%; } td.bar div { background: #c77d2b; height: .8rem; }
</style>
<h1>Planets</h1>
<p>Only:
  <a href="/">all</a>{% for one in kinds %} ·
  <a href="/?kind={{ one }}">{{ one }}</a>{% endfor %}
</p>
<table>
  <tr>
    {% for column in columns %}
    <th><a href="{{ url_for('page', sort=column, kind=kind) }}">{{ column }}</a></th>
    {% endfor %}
    <th>size</th>
  </tr>
  {% for planet in planets %}
  <tr>
    {% for column in columns %}<td>{{ planet[column] }}</td>{% endfor %}
    <td class="bar">
      <div style="width: {{ (100 * planet.radius_km / largest)|round(1) }}%"></div>
    </td>
  </tr>
  {% endfor %}
</table>
<footer>Planets, version {{ version }}</footer>
"""

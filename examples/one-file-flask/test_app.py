"""Run with ``python -m unittest``."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import app


class Page(unittest.TestCase):
    def setUp(self) -> None:
        self.client = app.app.test_client()

    def names(self, query: str) -> list[str]:
        return [planet["name"] for planet in self.client.get(f"/planets.json?{query}").get_json()]

    def test_shows_every_planet(self) -> None:
        page = self.client.get("/").text
        for planet in app.planets:
            self.assertIn(planet.name, page)

    def test_sorts_both_ways(self) -> None:
        self.assertEqual(self.names("sort=radius_km")[0], "Mercury")
        self.assertEqual(self.names("sort=-moons")[:2], ["Saturn", "Jupiter"])

    def test_narrows_down(self) -> None:
        self.assertEqual(self.names("kind=ice"), ["Uranus", "Neptune"])
        self.assertEqual(self.names("kind=cheese"), [])

    def test_an_unknown_column_is_refused(self) -> None:
        answer = self.client.get("/?sort=__class__")
        self.assertEqual(answer.status_code, 400)

    def test_every_answer_names_the_version(self) -> None:
        for path in ("/", "/planets.json", "/nowhere"):
            self.assertEqual(self.client.get(path).headers["X-App-Version"], app.VERSION)


class Read(unittest.TestCase):
    def test_a_damaged_file_is_noticed_at_once(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "planets.csv")
            path.write_text("name,kind,distance_au,radius_km,moons\nPluto,ice,far,1188,5\n")
            with self.assertRaises(ValueError):
                app.read(path)

"""The demo's data as a picture: ``bin/demo --svg FILE``."""

from __future__ import annotations

from demo.acts import APPS, App
from demo.performed import Performed
from demo.picture import Panel, Span, draw
from demo.story import Story


def picture(story: Story) -> str:
    """A panel for each app."""
    caption = "Two apps replaced under load: every request answered, none out of order"
    return draw([_panel(story, app) for app in APPS], caption)


def _panel(story: Story, app: App) -> Panel:
    mine = [one for one in story.performed if one.act.app is app]
    spans = [_span(one) for one in mine if not one.first]
    served = [one.act.version for one in mine if one.act.outcome == "succeeded"]
    title = f"{app.name} ({app.framework})"
    return Panel(title, story.visitors[app.name].run.records, served, spans)


def _span(one: Performed) -> Span:
    what = one.strategy if one.act.outcome == "succeeded" else "broken, taken back"
    deployed = one.deployed
    label = f"{one.act.version}: {what}"
    return Span(deployed.began, deployed.ended, label, deployed.held_from, deployed.held)

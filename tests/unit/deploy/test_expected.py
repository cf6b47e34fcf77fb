"""An engine that is started for a deploy to come waits for it a while, and no longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

from holdfast.agent.run import still_expected
from holdfast.layout import Layout


def test_nothing_is_expected_of_an_app_that_nobody_deploys(tmp_path: Path) -> None:
    """Without the mark an engine that has nothing to do ends at once."""
    assert not still_expected(Layout(tmp_path).app("site"))


def test_a_deploy_is_expected_for_some_seconds(tmp_path: Path) -> None:
    """A mark that is old, or of a clock that was set back since, is none."""
    app = Layout(tmp_path).app("site")
    app.make()
    app.expected.touch()
    assert still_expected(app)
    for away in (-60.0, 3600.0):
        os.utime(app.expected, (time.time() + away,) * 2)
        assert not still_expected(app)

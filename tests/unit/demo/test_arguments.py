"""What cannot be played is refused before anything is set up."""

from __future__ import annotations

import sys

import pytest

from demo import __main__ as command


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "inf", "fast"])
def test_a_rate_without_visitors(
    rate: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crowd of nobody shows nothing; so says the argument, not a fault minutes later."""
    monkeypatch.setattr(sys, "argv", ["bin/demo", f"--rate={rate}"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert f"--rate: {rate!r} is no number above 0" in capsys.readouterr().err

"""The assets' build: python -m pytest tests"""

import json
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent


def test_an_asset_has_its_digest_in_its_name(tmp_path):
    """What changes gets another name; what is there stays."""
    source = tmp_path / "source"
    source.mkdir()
    for content in ("one", "two"):
        (source / "shop.css").write_text(content)
        build = [sys.executable, HOME / "bin" / "build-assets", source, tmp_path / "public"]
        subprocess.run(build, check=True, timeout=30)
    manifest = json.loads((tmp_path / "public" / "manifest.json").read_text())
    assert (tmp_path / "public" / manifest["shop.css"]).read_text() == "two"
    assert len(list((tmp_path / "public").glob("shop-*.css"))) == 2

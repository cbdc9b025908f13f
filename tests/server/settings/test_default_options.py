"""The options of a request that sets none."""

from __future__ import annotations

from server.settings.engine import default_options
from server.settings.loading import build
from server.settings.settings import Settings


def test_lines_below_drop_score_are_kept_and_another_one_makes_other_results() -> None:
    """Kept results have the lines of the default ready, so they serve one drop_score only."""
    options = [
        default_options(build(Settings, {"ocr": {"predict_system": {"drop_score": score}}}, ""))
        for score in (0.5, 0.25)
    ]
    assert [each.drop_score for each in options] == [0, 0]
    assert [each.shown_score for each in options] == [0.5, 0.25]
    assert options[0].fingerprint() != options[1].fingerprint()

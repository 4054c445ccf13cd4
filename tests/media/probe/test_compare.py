"""Facts that two programs tell otherwise are found wherever they stand."""

from __future__ import annotations

from tests.media.probe.compare import differences


def test_each_difference_has_its_place() -> None:
    ours = {"video": [{"duration_s": 1.0, "codec": "av1"}], "size": 5, "tags": ["a", "b"]}
    others = {"video": [{"codec": "av1"}], "size": 6, "tags": ["a"]}
    assert list(differences(ours, others)) == [
        "size: 5 becomes 6",
        "tags: ['a', 'b'] becomes ['a']",
        "video[0].duration_s: 1.0 becomes None",
    ]
    assert list(differences(ours, ours)) == []

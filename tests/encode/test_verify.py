from __future__ import annotations

from av1rules.encode.job import Blame, Check
from av1rules.encode.verify import Verification

GOOD = Check(name="decode", passed=True, detail="9 frames")
SHORT = Check(name="duration", passed=False, detail="source 9 s, target 1 s", blame=Blame.SOURCE)
WRONG = Check(name="contract", passed=False, detail="width should be 2, found 1")


def test_all_is_well() -> None:
    well = Verification(checks=(GOOD,), elapsed_s=0)
    assert (well.passed, well.blame, well.hint) == (True, None, None)


def test_only_checks_of_the_source_blame_it() -> None:
    ours = Verification(checks=(GOOD, WRONG), elapsed_s=0)
    assert not ours.passed
    assert ours.blame is Blame.ENCODE
    assert (ours.hint or "").startswith("the source could be read")
    both = Verification(checks=(WRONG, GOOD, SHORT), elapsed_s=0)
    assert both.blame is Blame.SOURCE
    assert (both.hint or "").startswith("the source could be read")  # damage is not all there is
    short = Verification(checks=(GOOD, SHORT), elapsed_s=0)
    assert (short.hint or "").startswith("the source may be damaged")


def test_hints_name_what_helps() -> None:
    gap = Check(name="duration", passed=False, detail="8.0 s", blame=Blame.TELECINE)
    assert "`deinterlace: bwdif`" in (Verification(checks=(GOOD, gap), elapsed_s=0).hint or "")
    changed = Check(name="structure", passed=False, detail="a tag", blame=Blame.STRUCTURE)
    both = Verification(checks=(GOOD, changed), elapsed_s=0)
    assert "`tools: {mkvpropedit: off}`" in (both.hint or "")
    assert both.is_final
    mixed = Verification(checks=(changed, gap), elapsed_s=0)
    assert (mixed.hint or "").startswith("the source could be read")


def test_what_follows_from_source_and_settings_is_final() -> None:
    assert Verification(checks=(GOOD, WRONG), elapsed_s=0).is_final
    assert Verification(checks=(GOOD, SHORT), elapsed_s=0).is_final
    broken = Check(name="decode", passed=False, detail="decoding failed")
    assert not Verification(checks=(broken, WRONG), elapsed_s=0).is_final
    assert not Verification(checks=(GOOD,), elapsed_s=0).is_final


def test_the_first_line_stands_alone() -> None:
    both = Verification(checks=(WRONG, GOOD, SHORT), elapsed_s=0)
    assert both.message == (
        "the encode did not pass verification: contract: width should be 2, found 1\n"
        "  duration: source 9 s, target 1 s"
    )

"""XML for mkvpropedit: whatever text a film carries, it is one document with that text in it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from av1rules.encode.matroska.xml import chapters_xml, legal_text, tags_xml
from av1rules.media.matroska.ebml import Element

ANY_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@given(ANY_TEXT)
def test_any_text_survives(text: str) -> None:
    simple = Element("Simple", None, (Element("Name", "A"), Element("String", text)))
    document = tags_xml((Element("Tag", None, (simple,)),))
    found = ET.fromstring(document).findtext("Tag/Simple/String")
    assert (found or "") == legal_text(text)


def test_times_bytes_and_unknown_elements() -> None:
    atom = Element(
        "ChapterAtom",
        None,
        (
            Element("ChapterTimeStart", 3_723_000_000_004),
            Element("ChapterSegmentUID", b"\x00\xff"),
            Element("0x4588", b"later"),
        ),
    )
    document = chapters_xml((Element("EditionEntry", None, (atom,)),))
    assert "<ChapterTimeStart>01:02:03.000000004</ChapterTimeStart>" in document
    assert '<ChapterSegmentUID format="hex">00ff</ChapterSegmentUID>' in document
    assert "4588" not in document


def test_an_entry_without_a_value_gets_an_empty_one() -> None:
    tag = Element("Tag", None, (Element("Simple", None, (Element("Name", "A"),)),))
    assert "<Name>A</Name><String></String></Simple>" in tags_xml((tag,))

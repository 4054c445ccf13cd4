"""Languages under one name: two-letter and bibliographic codes become the three-letter code."""

from __future__ import annotations

_CODES = (
    "ar ara, bg bul, bn ben, ca cat, cs ces cze, cy cym wel, da dan, de deu ger, el ell gre, "
    "en eng, es spa, et est, eu eus baq, fa fas per, fi fin, fr fra fre, ga gle, gl glg, "
    "he heb, hi hin, hr hrv, hu hun, hy hye arm, id ind, is isl ice, it ita, ja jpn, "
    "ka kat geo, ko kor, lt lit, lv lav, mk mkd mac, ms msa may, nl nld dut, no nor, nb nob, "
    "nn nno, pl pol, pt por, ro ron rum, ru rus, sk slk slo, sl slv, sq sqi alb, sr srp, "
    "sv swe, ta tam, te tel, th tha, tr tur, uk ukr, ur urd, vi vie, zh zho chi"
)
"""ISO 639: two-letter code, terminological code, and the bibliographic one where it differs."""

_BY_CODE = {
    code: entry.split()[1] for entry in _CODES.split(", ") for code in entry.split()
}  # fmt: skip


def language(tag: str | None) -> str | None:
    """`"de"`, `"ger"`, `"de-AT"` as `"deu"`; None for absent and undetermined languages."""
    code = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    if code in ("", "und", "unknown"):
        return None
    return _BY_CODE.get(code, code)

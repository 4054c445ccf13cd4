"""Normalises language codes: two-letter and bibliographic codes become the three-letter code.

The codes are those of ISO 639-1 and 639-2, plus a few of 639-3 that occur in films. Pure.
"""

from __future__ import annotations

import functools

_CODES = (
    "aa aar=afar, ab abk=abkhazian, ae ave=avestan, af afr=afrikaans, ak aka=akan, am amh=amharic, "
    "an arg=aragonese, ar ara=arabic, as asm=assamese, av ava=avaric, ay aym=aymara, az "
    "aze=azerbaijani, ba bak=bashkir, be bel=belarusian, bg bul=bulgarian, bh bih=bihari "
    "languages, bi bis=bislama, bm bam=bambara, bn ben=bengali, bo bod tib=tibetan, br bre=breton, "
    "bs bos=bosnian, ca cat=catalan, ce che=chechen, ch cha=chamorro, co cos=corsican, cr "
    "cre=cree, cs ces cze=czech, cu chu=church slavic, cv chv=chuvash, cy cym wel=welsh, da "
    "dan=danish, de deu ger=german, dv div=divehi, dz dzo=dzongkha, ee ewe=ewe, el ell gre=greek, "
    "en eng=english, eo epo=esperanto, es spa=spanish, et est=estonian, eu eus baq=basque, fa fas "
    "per=persian, ff ful=fulah, fi fin=finnish, fj fij=fijian, fo fao=faroese, fr fra fre=french, "
    "fy fry=western frisian, ga gle=irish, gd gla=gaelic, gl glg=galician, gn grn=guarani, gu "
    "guj=gujarati, gv glv=manx, ha hau=hausa, he heb=hebrew, hi hin=hindi, ho hmo=hiri motu, hr "
    "hrv=croatian, ht hat=haitian, hu hun=hungarian, hy hye arm=armenian, hz her=herero, ia "
    "ina=interlingua, id ind=indonesian, ie ile=interlingue, ig ibo=igbo, ii iii=sichuan yi, ik "
    "ipk=inupiaq, io ido=ido, is isl ice=icelandic, it ita=italian, iu iku=inuktitut, ja "
    "jpn=japanese, jv jav=javanese, ka kat geo=georgian, kg kon=kongo, ki kik=kikuyu, kj "
    "kua=kuanyama, kk kaz=kazakh, kl kal=kalaallisut, km khm=central khmer, kn kan=kannada, ko "
    "kor=korean, kr kau=kanuri, ks kas=kashmiri, ku kur=kurdish, kv kom=komi, kw cor=cornish, ky "
    "kir=kirghiz, la lat=latin, lb ltz=luxembourgish, lg lug=ganda, li lim=limburgan, ln "
    "lin=lingala, lo lao=lao, lt lit=lithuanian, lu lub=luba-katanga, lv lav=latvian, mg "
    "mlg=malagasy, mh mah=marshallese, mi mri mao=maori, mk mkd mac=macedonian, ml mal=malayalam, "
    "mn mon=mongolian, mr mar=marathi, ms msa may=malay, mt mlt=maltese, my mya bur=burmese, na "
    "nau=nauru, nb nob=norwegian bokmal, nd nde=ndebele, ne nep=nepali, ng ndo=ndonga, nl nld "
    "dut=dutch, nn nno=norwegian nynorsk, no nor=norwegian, nr nbl=ndebele, nv nav=navajo, ny "
    "nya=chichewa, oc oci=occitan, oj oji=ojibwa, om orm=oromo, or ori=oriya, os oss=ossetian, pa "
    "pan=panjabi, pi pli=pali, pl pol=polish, ps pus=pushto, pt por=portuguese, qu que=quechua, rm "
    "roh=romansh, rn run=rundi, ro ron rum=romanian, ru rus=russian, rw kin=kinyarwanda, sa "
    "san=sanskrit, sc srd=sardinian, sd snd=sindhi, se sme=northern sami, sg sag=sango, si "
    "sin=sinhala, sk slk slo=slovak, sl slv=slovenian, sm smo=samoan, sn sna=shona, so som=somali, "
    "sq sqi alb=albanian, sr srp=serbian, ss ssw=swati, st sot=sotho, su sun=sundanese, sv "
    "swe=swedish, sw swa=swahili, ta tam=tamil, te tel=telugu, tg tgk=tajik, th tha=thai, ti "
    "tir=tigrinya, tk tuk=turkmen, tl tgl=tagalog, tn tsn=tswana, to ton=tonga, tr tur=turkish, ts "
    "tso=tsonga, tt tat=tatar, tw twi=twi, ty tah=tahitian, ug uig=uighur, uk ukr=ukrainian, ur "
    "urd=urdu, uz uzb=uzbek, ve ven=venda, vi vie=vietnamese, vo vol=volapuk, wa wln=walloon, wo "
    "wol=wolof, xh xho=xhosa, yi yid=yiddish, yo yor=yoruba, za zha=zhuang, zh zho chi=chinese, zu "
    "zul=zulu"
)
"""Two-letter code, terminological code, bibliographic code if it differs; English name."""

_OTHER = (
    "ace ach ada ady afa afh ain akk ale alg alt ang anp apa arb arc arn arp art arw ast ath aus "
    "awa bad bai bal ban bas bat bej bem ber bho bik bin bla bnt bra btk bua bug byn cad cai car "
    "cau ceb cel chb chg chk chm chn cho chp chr chy cmc cmn cnr cop cpe cpf cpp crh crp csb cus "
    "dak dar day del den dgr din doi dra dsb dua dum dyu efi egy eka elx enm ewo fan fat fil fiu "
    "fon frm fro frr frs fur gaa gay gba gem gez gil gmh goh gon gor got grb grc gsw gwi hai hak "
    "haw hil him hit hmn hsb hup iba ijo ilo inc ine inh ira iro jbo jpr jrb kaa kab kac kam kar "
    "kaw kbd kha khi kho kmb kok kos kpe krc krl kro kru kum kut lad lah lam lez lol loz lua lui "
    "lun luo lus mad mag mai mak man map mas mdf mdr men mga mic min mis mkh mnc mni mno moh mos "
    "mul mun mus mwl mwr myn myv nah nai nan nap nds new nia nic niu nog non nqo nso nub nwc nym "
    "nyn nyo nzi osa ota oto paa pag pal pam pap pau peo pes phi phn pon pra pro prs raj rap rar "
    "roa rom rup sad sah sai sal sam sas sat scn sco sel sem sga sgn shn sid sio sit sla sma smi "
    "smj smn sms snk sog son srn srr ssa suk sus sux syc syr tai tem ter tet tig tiv tkl tlh tli "
    "tmh tog tpi tsi tum tup tut tvl tyv udm uga umb und vai vot wak wal war was wen wuu xal yao "
    "yap ypk yue zap zbl zen zgh znd zsm zun zxx zza"
)
"""Three-letter codes of languages that have no two-letter code."""

_ENTRIES = tuple(
    (tuple(codes.split()), name)
    for codes, _, name in (entry.partition("=") for entry in _CODES.split(", "))
)
_OTHER_CODES = frozenset(_OTHER.split())
_BY_CODE = {code: codes[1] for codes, _ in _ENTRIES for code in codes}
_BY_NAME = {name: codes[1] for codes, name in _ENTRIES} | {
    "castilian": "spa", "chinese": "zho", "deutsch": "deu", "espanol": "spa", "farsi": "fas",
    "filipino": "fil", "flemish": "nld", "francais": "fra", "italiano": "ita", "mandarin": "cmn",
    "norwegian": "nor", "cantonese": "yue",
}  # fmt: skip

UNDETERMINED = frozenset({"", "und", "unknown"})
"""Tags of tracks without a known language."""


@functools.lru_cache(maxsize=1024)  # a library has few languages
def language(tag: str | None) -> str | None:
    """`"deu"` for `"de"`, `"ger"`, `"de-AT"` or `"German"`; None for missing and undetermined
    ones."""
    text = (tag or "").strip().lower()
    code = text.replace("_", "-").partition("-")[0]
    if code in UNDETERMINED:
        return None
    return _BY_CODE.get(code) or _BY_NAME.get(text, code)


def named_language(word: str) -> str | None:
    """The code of a language by its English name: `"English"` is `"eng"`."""
    return _BY_NAME.get(word.strip().lower())


def is_language_code(word: str) -> bool:
    """Whether the part before a region is a known code."""
    code = word.strip().lower().replace("_", "-").partition("-")[0]
    is_private = len(code) == 3 and "qaa" <= code <= "qtz"
    return code in _BY_CODE or code in _OTHER_CODES or is_private

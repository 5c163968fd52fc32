"""Names of a grocery's master data, capital and clipped, made readable."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = {
    "BKD": "baked", "BKG": "baking", "BG": "bag", "BN": "beans", "BR": "bread", "BRD": "bread", "BRKFST": "breakfast",
    "BTL": "bottle", "BTR": "butter", "CARB": "carbonated", "CATFD": "cat food", "CHIX": "chicken",
    "CHOCOCLATE": "chocolate", "CKYS": "cookies", "CLEANG": "cleaning", "CN": "can", "CND": "canned",
    "CNDY": "candy", "CONC": "concentrate", "CRBNTD": "carbonated", "CRKR": "crackers", "CRMD": "creamed",
    "CRYSTL": "crystal", "DISPOSIBLE": "disposable", "DNR": "dinner", "DNRS": "dinners", "DOGFD": "dog food",
    "DRNK": "drink", "DRNKG": "drinking", "DRNKING": "drinking", "DRNKNG": "drinking", "DRNKS": "drinks",
    "DRP": "drops", "DRSNG": "dressing", "DSH": "dishes", "FD": "food", "FEM": "feminine", "FLAV": "flavoured",
    "FLVR": "flavour", "FLVRD": "flavoured", "FRD": "fried", "FRZ": "frozen", "FRZN": "frozen", "GDS": "goods",
    "GM": "general merchandise", "GRND": "ground", "HBC": "care", "HYGN": "hygiene", "INCL": "including",
    "IWS": "wrapped",
    "JCE": "juice", "KLR": "killer", "LIF": "life", "LOZNG": "lozenges", "MACH": "machine", "MFG": "manufacturer",
    "MISC": "miscellaneous", "MLK": "milk", "MLT": "multi", "MNERAL": "mineral", "MNR": "minor", "MNRL": "mineral",
    "MW": "microwave", "MX": "mix", "MXS": "mixes", "MIXS": "mixes", "OCCAS": "occasions", "ORNG": "orange",
    "OTH": "other", "PCKGD": "packaged", "PK": "pack", "PKG": "package", "PKGD": "packaged", "PKLD": "pickled",
    "PLSTC": "plastic", "PNCH": "punch", "PNT": "peanut", "PREM": "premium", "PREP": "prepared", "PWDR": "powder",
    "PWDRS": "powders", "REFIGERATED": "refrigerated", "REFRGRATD": "refrigerated", "REFRIG": "refrigerated",
    "RTS": "ready to serve", "SALD": "salad", "SECT": "sections", "SEASO": "seasonal", "SFT": "soft",
    "SGL": "single", "SHERBTS": "sherbets", "SHLFSH": "shellfish", "SNDWCH": "sandwich", "SNGL": "single",
    "SNKS": "snacks", "SPECILATY": "specialty", "SPLY": "supplies", "SPRD": "spreads", "SRV": "serve",
    "SS": "single-serve", "SUPPPLIES": "supplies", "SV": "serve", "SW": "sweet", "SWEETNERS": "sweeteners",
    "SWT": "sweet", "SYRP": "syrup", "TISS": "tissue", "TORT": "tortilla", "TRSH": "trash", "VEG": "vegetable",
    "VEND": "vending", "WHL": "whole", "WHLSM": "wholesome", "WT": "weight", "WTR": "water", "XPCTRNT": "expectorant",
    "BEERALEMALT": "beer, ale, malt",
}  # fmt: skip

_KEPT_CAPITAL: Final = frozenset({"TV", "BBQ", "OJ", "DXM", "IQF"})
_LIMIT_CHARS: Final = 30
"""The data cuts types there, often inside a word."""

_BARE: Final = frozenset(
    """ADULT ALL ANGUS BASIC BLENDS BONELESS BULK CHOICE COMBO DOMESTIC ECONOMY ENHANCED EVERYDAY EXTRA FAMILY FRESH
    FULL GOURMET INSTANT KIDS LARGE LEAN LINKS MAINSTREAM MEDIUM MISCELLANEOUS MULTI NATURAL ORGANIC OTHER PATTIES
    POPULAR PACK PREMIUM PRIMAL PROCESSED RAW REGULAR GARDEN SELECT SINGLES SIZE SMALL SMOKED COOKED SPECIAL SPECIALTY
    STANDARD STICKS SUPER TRADITIONAL VALUE VARIETY WHOLE""".split()  # noqa: SIM905
)
"""A type that says no more than these means nothing without its category."""


def readable(text: str) -> str:
    """Give a name in lower case with whole words: `FRZN ICE` is `frozen ice`."""
    plain = _uncut(text)
    plain = re.sub(r"\s*&\s*", " & ", plain)
    plain = re.sub(r"[:;]\s*", ": ", plain)
    words = re.sub(r"[A-Za-z]+", _word, plain)
    return re.sub(r"\s+", " ", words).strip(" -:&/,.")


def product_type_name(product_type: str, category: str) -> str:
    """Give the name of a type of product, with its category where it says nothing without."""
    words = re.findall(r"[A-Z]+", product_type.upper())
    if category and all(word in _BARE for word in words):
        return f"{readable(category)}: {readable(product_type)}"
    return readable(product_type)


def product_title(product_type: str, category: str, brand: str, size: str) -> str:
    """Give the title of a product: `Cream cheese, store brand, 8 oz`."""
    name = product_type_name(product_type or category, category) or "product"
    parts = [name[0].upper() + name[1:], brand, re.sub(r"\s+", " ", size).strip().lower()]
    return ", ".join(part for part in parts if part)


def _word(match: re.Match[str]) -> str:
    word = match.group().upper()
    return word if word in _KEPT_CAPITAL else _WORDS.get(word, word.lower())


def _uncut(text: str) -> str:
    """Take away what a cut has left unfinished: an open parenthesis, a stump at the end."""
    plain = text.strip()
    if plain.count("(") > plain.count(")"):
        plain = plain[: plain.rindex("(")]
    elif len(plain) >= _LIMIT_CHARS - 1:
        plain = re.sub(r"[^A-Za-z][A-Za-z]{1,3}$", "", plain)
    return plain

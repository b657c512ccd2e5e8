"""Amounts, times, dates and numbers, put into words: what each rule of
:mod:`effects.spoken_rules` that finds figures says for them."""

from __future__ import annotations

import re

from effects.number_words import cardinal, digits, ordinal, year

SAID = "\0"
"""Stands in the place of each character that was put into words. No word, no white space."""

Said = str | tuple[str, ...] | None
"""How a match is said: all of it; or each of its groups, what is between them being left as it
is; or not by this rule."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
}
_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "bn": "billion"}
_FRACTIONS = {
    **{(1, 2): "one half", (1, 3): "one third", (2, 3): "two thirds"},
    **{(1, 4): "one quarter", (3, 4): "three quarters"},
}
_FRACTION_SIGNS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4)}
UNITS = {
    **{"lb": "pounds", "lbs": "pounds", "oz": "ounces", "kg": "kilograms", "g": "grams"},
    **{"mg": "milligrams", "km": "kilometers", "m": "meters", "cm": "centimeters"},
    **{"mm": "millimeters", "mi": "miles", "ft": "feet", "yd": "yards", "gal": "gallons"},
    **{"ml": "milliliters", "L": "liters", "sec": "seconds", "secs": "seconds"},
    **{"min": "minutes", "mins": "minutes", "h": "hours", "hr": "hours", "hrs": "hours"},
    **{"ms": "milliseconds", "mph": "miles per hour", "kWh": "kilowatt hours"},
    **{"km/h": "kilometers per hour", "KB": "kilobytes", "MB": "megabytes", "GB": "gigabytes"},
    **{"TB": "terabytes", "°F": "degrees Fahrenheit", "°C": "degrees Celsius", "x": "times"},
}


# --- amounts, times and dates ---------------------------------------------------------------


def money(match: re.Match[str]) -> str:
    """Groups: the sign, the whole, its hundredths or other decimals, the scale."""
    return _amount(match[1], match[2], match[3] or "", match[4] or "")


def money_after(match: re.Match[str]) -> str:
    """Groups: the whole, its hundredths, the sign."""
    return _amount(match[3], match[1], match[2] or "", "")


def _amount(sign: str, figures: str, decimals: str, scale: str) -> str:
    one, many, hundredth, hundredths = _CURRENCIES[sign]
    whole = int(figures.replace(",", ""))
    if scale or len(decimals) > 2:
        point = f" point {digits(decimals)}" if decimals else ""
        said = f"{cardinal(whole)}{point} {_SCALES.get(scale, scale)}"
        return f"{said.rstrip()} {many}"
    cents = int(f"{decimals or 0:0<2}")
    parts = [(whole, one, many)] if whole or not cents else []
    parts += [(cents, hundredth, hundredths)] if cents else []
    return " and ".join(f"{cardinal(n)} {name if n == 1 else all_}" for n, name, all_ in parts)


def half_day(match: re.Match[str]) -> Said:
    """A time with am or pm. Groups: the time; am or pm."""
    hour, _, minute = match[1].partition(":")
    past = "" if minute in ("", "00") else f" {_minute(minute)}"
    return cardinal(int(hour)) + past, f"{match[2][0].upper()} M"


def clock(match: re.Match[str]) -> str:
    """Groups: the hour, the minute."""
    hour, past = int(match[1]), "o'clock" if match[2] == "00" else _minute(match[2])
    if match[2] == "00" and not 1 <= hour <= 12:
        past = "hundred"
    return f"{cardinal(hour)} {past}"


def _minute(figures: str) -> str:
    return ("oh " if figures[0] == "0" else "") + cardinal(int(figures))


def iso_date(match: re.Match[str]) -> Said:
    """Groups: year, month, day."""
    return _date(int(match[2]), int(match[3]), match[1])


def us_date(match: re.Match[str]) -> Said:
    """Groups: month, day, and the year if it is there."""
    return _date(int(match[1]), int(match[2]), match[3] or "")


def _date(month: int, day: int, in_year: str) -> Said:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    said = f"{MONTHS[month - 1]} {ordinal(day)}"
    if not in_year:
        return said
    return f"{said}, {year(int(in_year) if len(in_year) == 4 else 2000 + int(in_year))}"


def _month(written: str) -> str:
    return next(month for month in MONTHS if month[:3] == written[:3])


def month_day(match: re.Match[str]) -> Said:
    """Groups: the name of the month, the day."""
    return _month(match[1]), ordinal(int(re.sub(r"\D", "", match[2])))


def day_month(match: re.Match[str]) -> Said:
    """Groups: the day, the name of the month."""
    return ordinal(int(re.sub(r"\D", "", match[1]))), _month(match[2])


def fraction(match: re.Match[str]) -> Said:
    """Groups: the two figures on either side of the stroke."""
    found = _FRACTIONS.get((int(match[1]), int(match[2])))
    return found and _after_a_whole(match, found)


def fraction_sign(match: re.Match[str]) -> Said:
    """One character that is a fraction."""
    return _after_a_whole(match, _FRACTIONS[_FRACTION_SIGNS[match[0]]])


def _after_a_whole(match: re.Match[str], fraction: str) -> str:
    return f"and {fraction}" if re.search(r"\d ?$", match.string[: match.start()]) else fraction


# --- numbers --------------------------------------------------------------------------------


def unit(match: re.Match[str]) -> str:
    """Group: a unit, right after its number."""
    name = UNITS[match[1]]
    if re.search(r"(?<![\d.,])1 ?$", match.string[: match.start()]) and match[1] != "x":
        first, *rest = ("foot" if name == "feet" else name).split()
        return " ".join([first.removesuffix("s"), *rest])
    return name


def decimal(match: re.Match[str]) -> str:
    """Groups: the whole (or nothing), the decimals."""
    whole = cardinal(int(match[1].replace(",", ""))) if match[1] else ""
    return f"{whole} point {digits(match[2]).replace(',', '')}"


def decade(match: re.Match[str]) -> str:
    """Group: the year or the ten that the decade begins with."""
    *before, last = (year if len(match[1]) == 4 else cardinal)(int(match[1])).split()
    return " ".join([*before, last[:-1] + "ies" if last.endswith("y") else last + "s"])


def number(match: re.Match[str]) -> str:
    """By its looks: an amount grouped by commas, an identifier, a year, or a small amount."""
    figures = match[0]
    if "," in figures:
        return cardinal(int(figures.replace(",", "")))
    round_ = figures.endswith("000") and len(figures) <= 9 and figures[0] != "0"
    if not round_ and (len(figures) >= 5 or (len(figures) > 1 and figures[0] == "0")):
        return digits(figures)
    if len(figures) == 4:
        like_a_year = figures[:2] in ("19", "20") or figures.endswith("00")
        return year(int(figures)) if like_a_year else digits(figures)
    return cardinal(int(figures))

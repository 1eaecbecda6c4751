"""Recognises addresses of e-mail, telephone numbers, cards, bank accounts and identity documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumber

from python_nodes.privacy.patterns import pattern

_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24,
    "TR": 26, "UA": 29,
}  # fmt: skip
_REGIONS = ("GB", "US", "DE", "FR", "ES", "IT", "PT", "NL", "PL", "AT", "CH", "BE", "IE", "BR")
_LEAST, _MOST = 7, 15


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield addresses, also those written so that programs shall not find them."""
    for one in pattern("email").finditer(text):
        plain = pattern("dot").sub(".", pattern("at").sub("@", one.group(), count=1))
        try:
            validate_email(plain, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            if "special-use" not in str(error):
                continue
        yield one.span()


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield card numbers: a card's length and beginning, and the right check digit."""
    for one in pattern("card").finditer(text):
        digits = re.sub(r"\D", "", one.group())
        if _is_card(digits) and _luhn(digits):
            yield one.span()


def _is_card(digits: str) -> bool:
    first2, first4, size = int(digits[:2]), int(digits[:4]), len(digits)
    return (
        (digits[0] == "4" and size in (13, 16, 19))
        or (size == 16 and (51 <= first2 <= 55 or 2221 <= first4 <= 2720))
        or (size == 15 and first2 in (34, 37))
        or (size in (16, 19) and (first4 == 6011 or first2 in (62, 64, 65) or 3528 <= first4 <= 3589))
        or (size == 14 and first2 in (30, 36, 38))
        or (size in range(13, 20) and first2 in (50, 56, 57, 58, 67))
    )


def _luhn(digits: str) -> bool:
    total = 0
    for at, one in enumerate(reversed(digits)):
        number = int(one) * (2 if at % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield bank accounts: their country's length, and the right check digits."""
    for one in pattern("iban").finditer(text):
        size = _LENGTHS.get(one.group()[:2].upper())
        if size is None:
            continue
        end = _end_of(one.group(), size)
        if end is not None and _mod_97(re.sub(r"[ \-]", "", one.group()[:end]).upper()):
            yield one.start(), one.start() + end


def _end_of(told: str, size: int) -> int | None:
    seen = 0
    for at, one in enumerate(told, start=1):
        seen += one not in " -"
        if seen == size:
            return at
    return None


def _mod_97(plain: str) -> bool:
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def documents(text: str) -> Iterator[tuple[int, int]]:
    """Yield numbers of passports and the like beside a word that says so, and Spain's by their check letter."""
    for one in pattern("document").finditer(text):
        own = one.group("own").rstrip(" .-/")
        yield one.start("own"), one.start("own") + len(own)
    for one in pattern("spanish").finditer(text):
        digits = re.sub(r"\D", "", one.group()[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2"))
        if _SPANISH_LETTERS[int(digits) % 23] == one.group(1):
            yield one.span()


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield telephone numbers: international ones, those beside a word that says so, and what is plainly national."""
    for one in pattern("phone").finditer(text):
        told = one.group().rstrip(" .-/(")
        if told.count("(") > told.count(")") and told.startswith("("):
            told = told[1:]
        start = one.start() + one.group().index(told)
        before = text[max(0, start - 60) : start]
        if _is_phone(told, before):
            yield start, start + len(told)


def _is_phone(told: str, before: str) -> bool:
    digits = re.sub(r"\D", "", told)
    if not _LEAST <= len(digits) <= _MOST + 2:
        return False
    if told.startswith("00") and pattern("cue_other").search(before):
        return False
    if told.startswith(("+", "00")):
        parsed = _parsed("+" + digits.removeprefix("00") if told.startswith("00") else told, None)
        return parsed is not None and phonenumbers.is_possible_number(parsed)
    if pattern("no_phone").match(told) and not pattern("cue_phone").search(before):
        return False
    if pattern("cue_phone").search(before):
        return True
    if pattern("cue_other").search(before) or not re.search(r"\D", told):
        return False
    return any(_is_valid(told, region) for region in _REGIONS)


def _is_valid(told: str, region: str) -> bool:
    parsed = _parsed(told, region)
    if parsed is None or not phonenumbers.is_valid_number_for_region(parsed, region):
        return False
    # As it is written there: a group of digits of an order number would not be.
    usual = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return told.lstrip("(").startswith("0") or re.sub(r"\D+", " ", usual).strip() == re.sub(r"\D+", " ", told).strip()


def _parsed(told: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(told, region)
    except phonenumbers.NumberParseException:
        return None

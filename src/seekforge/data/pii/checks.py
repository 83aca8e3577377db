"""What tells a number that means something from any other of its length: check digits, dates, assigned prefixes."""

from __future__ import annotations

from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
# First two digits of GB/T 2260: provinces, Taiwan (71, 83), Hong Kong (81), Macao (82), foreigners (91).
_REGIONS = frozenset(
    {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83, 91}
)
# Number segments of the Chinese mobile networks, by the ministry's plan; 140, 141 and 144 belong to machines.
_MOBILE = frozenset(range(130, 200)) - {140, 141, 142, 143, 144, 154, 160, 161, 163, 164, 168, 169, 179, 194}
# Issuer prefixes with the lengths that they use (ISO/IEC 7812): first and last prefix of a range, lengths.
_ISSUERS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("3528", "3589", (16,)),  # JCB
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("6011", "6011", (16,)),  # Discover
    ("644", "659", (16,)),
)


def id_check_digit(body: str) -> str:
    """The last character of a Chinese ID number: GB 11643-1999, which is ISO 7064 MOD 11-2.

    >>> id_check_digit("11010519491231002")
    'X'
    """
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def is_id_number(text: str) -> bool:
    """A Chinese ID number of 18 places: region, date of birth and check digit."""
    return has_id_form(text) and id_check_digit(text[:17]) == text[17].upper()


def has_id_form(text: str) -> bool:
    """Region and date of birth are such as an ID number has; the check digit may be wrong."""
    return len(text) == 18 and text[:17].isdecimal() and int(text[:2]) in _REGIONS and _is_birth(text[6:14])


def is_old_id_number(text: str) -> bool:
    """An ID number of 15 places, given until 1999: region and date of birth; it has no check digit."""
    return len(text) == 15 and text.isdecimal() and int(text[:2]) in _REGIONS and _is_birth(f"19{text[6:12]}")


def luhn(digits: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_card_number(digits: str) -> bool:
    """An issuer's prefix, a length that it uses, and Luhn; not what has the form of a Chinese ID number."""
    return _is_issued(digits) and luhn(digits) and not has_id_form(digits) and len(set(digits)) > 1


def is_mobile(digits: str) -> bool:
    """A Chinese mobile number of 11 digits, of an assigned segment."""
    return len(digits) == 11 and int(digits[:3]) in _MOBILE


def _is_issued(digits: str) -> bool:
    return any(first <= digits[: len(first)] <= last and len(digits) in lengths for first, last, lengths in _ISSUERS)


def _is_birth(text: str) -> bool:
    try:
        born = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return 1880 <= born.year <= 2099

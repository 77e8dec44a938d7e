"""How alike two names are: what people write when they rename something.

A name is its words; words are compared one by one, and those that many names share (`id`, `at`, `is`) count less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_SHORT = {
    "addr": "address", "amt": "amount", "avg": "average", "cat": "category", "cnt": "count", "cust": "customer",
    "desc": "description", "descr": "description", "dept": "department", "dob": "birth date", "dt": "date",
    "emp": "employee", "fk": "id", "fname": "first name", "firstname": "first name", "fullname": "full name",
    "fw": "firmware", "img": "image", "lang": "language", "lname": "last name", "lastname": "last name",
    "len": "length", "lat": "latitude", "lon": "longitude", "lng": "longitude", "mail": "email", "mgr": "manager",
    "msg": "message", "no": "number", "nr": "number", "num": "number", "org": "organization", "pic": "picture",
    "pos": "position", "pwd": "password", "qty": "quantity", "ref": "reference", "seq": "sequence",
    "subj": "subject", "tel": "phone", "telephone": "phone", "tmp": "temporary", "ts": "timestamp", "ttl": "title",
    "txt": "text", "username": "user name", "usr": "user", "val": "value", "zip": "postcode", "uid": "user id",
    "ger": "german", "wt": "weight",
}  # fmt: skip
_MEAN_THE_SAME = [
    "begin start from", "end stop finish to until", "title name headline subject label caption",
    "body content text message", "url href link", "price cost", "sender from author", "recipient receiver to",
    "creator author owner", "create insert add register", "update modify change edit", "delete remove",
    "phone mobile", "postcode postal", "surname last", "forename first given", "vat tax", "comment note remark",
    "description summary", "user account member", "employee staff", "customer client", "tag label",
    "picture image photo", "disabled blocked inactive", "count number amount quantity", "kind type category",
    "state status", "birth born birthday", "order rank position", "movie film", "company firm organization",
]  # fmt: skip
_RARE, _COMMON, _HARDLY = 1.0, 0.5, 0.25
_WEIGHTS = {
    **dict.fromkeys("name text value type data info code number title count".split(), _COMMON),
    **dict.fromkeys("id uuid at on date time is has the tbl t flag column field".split(), _HARDLY),
}
_IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "data": "data", "media": "media",
    "indices": "index", "statuses": "status", "addresses": "address", "analyses": "analysis", "news": "news",
}  # fmt: skip
_LIKE = 0.8
"""Two words whose letters are less alike than this have nothing in common."""


def jaccard(one: Iterable[Any], other: Iterable[Any]) -> float:
    """Return how much of two sets is common to both: 1 for equal sets, also for two empty ones."""
    left, right = set(one), set(other)
    return len(left & right) / len(left | right) if left or right else 1.0


def jaro_winkler(one: str, other: str) -> float:
    """Return Winkler's similarity of two texts, 0 to 1 (W. E. Winkler, String Comparator Metrics, 1990)."""
    if one == other:
        return 1.0
    reach = max(len(one), len(other)) // 2 - 1
    taken = [False] * len(other)
    common: list[str] = []
    for place, letter in enumerate(one):
        for at in range(max(0, place - reach), min(len(other), place + reach + 1)):
            if not taken[at] and other[at] == letter:
                taken[at] = True
                common.append(letter)
                break
    if not common:
        return 0.0
    matched = [letter for letter, is_taken in zip(other, taken, strict=True) if is_taken]
    swaps = sum(a != b for a, b in zip(common, matched, strict=True)) / 2
    count = len(common)
    jaro = (count / len(one) + count / len(other) + (count - swaps) / count) / 3
    prefix = 0
    for a, b in zip(one[:4], other[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


@lru_cache(maxsize=20_000)
def name_similarity(one: str, other: str) -> float:
    """Return how alike two names are, 0 to 1.

    Args:
        one: a name: snake case, camel case, any case.
        other: another.
    """
    a, b = words(one), words(other)
    if sorted(a) == sorted(b):
        return 1.0 if a == b else 0.98
    pairs = _pairs(a, b)
    total = sum(map(_weight, a)) + sum(map(_weight, b))
    shared = sum(alike * (_weight(a[i]) + _weight(b[j])) / 2 for alike, i, j in pairs)
    alike = shared / (total - shared)
    smaller = min(a, b, key=len)
    if pairs and len(pairs) == len(smaller):
        if len(a) == len(b):  # each word has another spelling
            alike = 2 * shared / total
        else:  # a word was put in or taken out
            alike = max(alike, {_RARE: 0.9, _COMMON: 0.85, _HARDLY: 0.5}[max(map(_weight, smaller))])
    whole = jaro_winkler("".join(a), "".join(b))
    return max(alike, (whole - 0.9) * 10) if whole > 0.9 and not _differ_in_digits(a, b) else alike


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case and singular, abbreviations written out."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", "_", name).lower()
    found: list[str] = []
    for word in re.split(r"[\W_]+", apart):
        if word:
            found += _SHORT.get(word, _singular(word)).split()
    return tuple(found) or (name,)


@lru_cache(maxsize=20_000)
def shares_word(one: str, other: str) -> bool:
    """Return whether two names share a word that says something, and differ in no number."""
    a, b = words(one), words(other)
    if _differ_in_digits(a, b):
        return False
    telling = [(i, j) for alike, i, j in _pairs(a, b) if alike >= 0.75 and len(a[i]) > 1]
    return any(_weight(a[i]) == _weight(b[j]) == _RARE for i, j in telling)


def is_common(name: str) -> bool:
    """Return whether a name says little: `id`, `name`, `created_at` stand in many tables."""
    return all(_weight(word) < _RARE or word in ("created", "updated", "modified") for word in words(name))


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _weight(word: str) -> float:
    return _WEIGHTS.get(word, _RARE)


def _pairs(a: tuple[str, ...], b: tuple[str, ...]) -> list[tuple[float, int, int]]:
    """Return (similarity, i, j) of the words of two names: the most alike ones find each other first."""
    found = []
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    scored = ((word_similarity(x, y), i, j) for i, x in enumerate(a) for j, y in enumerate(b))
    for alike, i, j in sorted(scored, key=lambda each: (-each[0], each[1:])):
        if alike >= 0.5 and i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            found.append((alike, i, j))
    return found


@lru_cache(maxsize=20_000)
def word_similarity(one: str, other: str) -> float:
    """Return how alike two words are: the same, the same in meaning, one short for the other, or spelled alike."""
    if one == other:
        return 1.0
    if one.isdigit() or other.isdigit():
        return 0.0
    a, b = _stem(one), _stem(other)
    if a == b or _meanings().get(a, frozenset()) & _meanings().get(b, frozenset()):
        return 0.9
    short, long = sorted((one, other), key=len)
    if len(short) >= 3 and long.startswith(short):
        return 0.9
    if short[0] == long[0] and (len(short) == 1 or _is_short_for(short, long)):
        return 0.75
    return max(0.0, (jaro_winkler(one, other) - _LIKE) / (1 - _LIKE))


def _is_short_for(short: str, long: str) -> bool:
    """Return whether a word is another one without its vowels: `prc` for `price`."""
    return short == re.sub(r"(?<!^)[aeiouy]", "", long)[: len(short)] and len(short) * 2 >= len(long) - 2


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "er"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending).removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


@lru_cache(maxsize=1)
def _meanings() -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for number, line in enumerate(_MEAN_THE_SAME):
        for word in map(_stem, line.split()):
            found[word] = found.get(word, frozenset()) | {number}
    return found


def _differ_in_digits(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return [w for w in a if w.isdigit()] != [w for w in b if w.isdigit()]

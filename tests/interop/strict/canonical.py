"""JSON of descriptors: what is accepted (formats/snapshots.md §6.1), and the one way to write it (§6.2, §6.3)."""

import json
import re

from . import Malformed, require

LIMIT = 127  # open arrays and objects
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
INTEGER = re.compile(r"-?\d+")


class Members(dict):
    """An object; `repeated` tells whether one of its members occurred twice, the last of which counts."""

    repeated = False


class Number(float):
    """A double that came from a token which is not an integer."""


def double(token):
    """The value of a token as the releases compute it, which is not always the nearest double."""
    sign, whole, fraction, exponent = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", token).groups()
    significand, scale, full = 0, 0, False
    for digit in whole:
        full = full or significand * 10 + int(digit) >= 1 << 64
        if full:
            scale += 1
        else:
            significand = significand * 10 + int(digit)
    for digit in fraction or "":
        full = full or significand * 10 + int(digit) >= 1 << 64
        if not full:
            significand, scale = significand * 10 + int(digit), scale - 1
    scale += int(exponent or 0)
    value = float(significand)
    while abs(scale) > 308:
        if value == 0:
            break
        require(scale < 0, f"number out of range: {token}")
        value, scale = value / 1e308, scale + 308
    if value != 0:
        value = value * float(f"1e{scale}") if scale >= 0 else value / float(f"1e{-scale}")
    require(value != float("inf"), f"number out of range: {token}")
    return Number(-value if sign else value)


def integer(token):
    value = int(token)
    if token == "-0" or not -(1 << 63) <= value < 1 << 64:
        return double(token)
    return value


def no_constant(token):
    raise Malformed(f"not JSON: {token}")


def depth_of(text):
    deepest = depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest


def parse(data, duplicates=False):
    """The document in `data`. Members that occur twice are an error, or left to members() with `duplicates`."""
    def members_of(pairs):
        result = Members(pairs)
        result.repeated = len(result) != len(pairs)
        require(duplicates or not result.repeated, "a member occurs twice")
        return result

    try:
        text = data.decode()
        require(depth_of(text) <= LIMIT, "too deep")
        value = json.loads(text, object_pairs_hook=members_of, parse_float=double, parse_int=integer,
                           parse_constant=no_constant)
        text_of(value).encode()  # surrogates must pair
        return value
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def digits(value):
    """A double: shortest digits that read back as the same."""
    if value == 0:
        return "-0.0" if str(value).startswith("-") else "0.0"
    mantissa, exponent = re.fullmatch(r"(-?\d(?:\.\d+)?)e([+-]\d+)", shortest(value)).groups()
    point = int(exponent)
    sign, figures = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    figures = figures.replace(".", "")
    if not -5 <= point <= 15:
        return f"{sign}{figures[0]}{'.' + figures[1:] if len(figures) > 1 else ''}e{point:+d}"
    if point < 0:
        return f"{sign}0.{'0' * (-point - 1)}{figures}"
    return f"{sign}{figures[:point + 1].ljust(point + 1, '0')}.{figures[point + 1:] or '0'}"


def shortest(value):
    for precision in range(17):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text
    raise AssertionError(value)


def string(value):
    return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def text_of(value):
    """Canonical text; objects in the order they have, see in_order()."""
    if isinstance(value, str):
        return string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Number):
        return digits(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{string(key)}:{text_of(member)}" for key, member in value.items()) + "}"
    return "[" + ",".join(map(text_of, value)) + "]"


def sorted_keys(value):
    """Every object in it sorted by key, as UTF-8 bytes: the same as by code points."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value, key=str.encode)}
    if isinstance(value, list):
        return list(map(sorted_keys, value))
    return value


def canonical(value):
    return text_of(value).encode()


def members(value, *names, where):
    """The object with exactly these members, in this order."""
    require(isinstance(value, dict), f"{where}: not an object")
    require(not getattr(value, "repeated", False), f"{where}: a member occurs twice")
    require(set(value) == set(names), f"{where}: has {sorted(value)}, not {sorted(names)}")
    return {name: value[name] for name in names}


def is_integer(value, limit):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit

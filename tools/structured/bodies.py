"""Bodies that carry an image: form-data, JSON and urlencoded, with base64 in its variants."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from structured.places import Places

Body = tuple[str, bytes]  # its Content-Type, and the bytes

# field: valid values that do not change the text, and odd ones
OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "granularity": (("line", "word", "char"), ("", "LINE", "page", "line\0")),
    "timeout_ms": (("60000", "3600000"), ("0", "-1", "1e3", "NaN", "1" * 5000, "0x10", "1.5", "")),
    "block_flag": (("true", "True", "1", "yes"), ("maybe", "", "false", "2")),
    "use_angle_cls": (("true", "on"), ("", "null", "[]")),
    "drop_score": (("0", "0.1"), ("1e400", "-0.1", "NaN", "inf", "0,5", "1.0000001")),
    "order": (("layout",), ("", "up", "Raster", "layout ")),
    "text": (("lines",), ("", "words", "LINES", "lines\0")),
    "layout": (("true", "0"), ("", "maybe", "2", "[]")),
    "det_db_thresh": (("0.3",), ("2", "-0", "1" * 4400, "{}")),
    "det_limit_side_len": (("960", "736"), ("31", "4001", "9" * 40, "960.5", "-960")),
    "det_limit_type": (("max", "auto"), ("MIN", "", "min ")),
    "priority": (("0", "-100", "100"), ("101", "-", "1e1")),
}
ODD_NAMES = (
    "",
    "filee",
    "image[]",
    "det limit",
    "\0",
    "x" * 300,
    "file\r\nX: y",
    "__proto__",
    "文",
)
ODD_STRINGS = ("\r\n", '"', "\\", "\0", "'", "%", "; name=x", "ÿ", "\u2028", "a" * 9000)


def fields_of(places: Places, *own: str) -> dict[str, str]:
    """Some of OPTIONS with valid values, of which a few are mutated. own: other field names."""
    names = places.random.sample(tuple(OPTIONS), places.random.randrange(5))
    fields = {}
    for name in names:
        valid, odd = OPTIONS[name]
        value = places.at(f"value of {name}", places.any_of(*valid), odd)
        fields[places.at(f"name of {name}", name, (*ODD_NAMES, *own))] = value
    return fields


def encoded(places: Places, image: bytes) -> str:
    """The image in base64: standard or URL-safe, wrapped, unpadded, as a data URI."""
    encode = places.any_of(base64.b64encode, base64.urlsafe_b64encode)
    text = encode(image).decode()
    if places.any_of(False, True):
        text = text.rstrip("=")
    width = places.any_of(0, 64, 76)
    if width:
        text = places.any_of("\n", "\r\n").join(textwrap.wrap(text, width))
    middle = len(text) // 2
    odd = places.at("inside base64", "", ("=", "==", "\0", "!", " \t ", "%2B", "é", "\\n", "====="))
    text = text[:middle] + odd + text[middle:]
    text = places.at("length of base64", text, ("", "A", text[:-7], text + "A", text * 2, "===="))
    head = places.any_of("", "data:image/png;base64,", "data:;base64,")
    odd_heads = (
        "data:", "data:,", "base64,", "\ufeff", "data:image/png;base64,data:;base64,", " ",
        "data:image/png;charset=x;base64,", "http://localhost/", "data:;base64;",
    )  # fmt: skip
    return places.at("head of base64", head, odd_heads) + text


def form_data(places: Places, image: bytes) -> Body:
    """multipart/form-data: boundary, parts, their headers and parameters, and the delimiters."""
    at, random = places.at, places.random
    length = places.any_of(8, 24, 40, 70)
    boundary = "".join(
        random.choices("abcdefghijklmnopqrstuvwxyzABCDEF0123456789'+_-./:=?", k=length)
    )
    boundary = boundary[:-1] + "z"  # blanks and dots at its end are no part of it
    parts = [_field_part(places, *field) for field in fields_of(places, "file").items()]
    place = random.randrange(len(parts) + 1)
    parts.insert(place, _file_part(places, image))
    copies = at("number of parts", 1, (0, 2, 40, 400))
    written = at("written boundary", boundary, (boundary[:-1], boundary + "x", "", boundary * 40))
    newline = at("line ends", "\r\n", ("\n", "\r", "\n\r", "\r\r\n")).encode()
    delimiter = newline + b"--" + written.encode()
    body = b"".join(delimiter + newline + part for part in parts) * copies
    body = body.removeprefix(newline)
    body = at("preamble", b"", (b"\r\n", b"a preamble\r\n", b"--", b"\0", b"--\r\n--")) + body
    end = at("close delimiter", delimiter + b"--\r\n", (b"", delimiter, delimiter + b"-", newline))
    body += end + at("epilogue", b"", (b"after it", delimiter, b"\r\n" * 999))
    declared = f'"{boundary}"'
    odd = ("", '""', f"{boundary};", f"'{boundary}'", f'"{boundary}', "x" * 80, f"{boundary},", "é")
    content_type = f"multipart/form-data; boundary={at('declared boundary', declared, odd)}"
    charset = at("parameters", "", ("; charset=utf-16", "; boundary=other", ";;;", "; x" * 900))
    return content_type + charset, body


def _field_part(places: Places, name: str, value: str) -> bytes:
    head = f'form-data; name="{name}"'
    return _part_headers(places, head, "text/plain; charset=utf-8") + value.encode()


def _file_part(places: Places, image: bytes) -> bytes:
    at = places.at
    name = at("name of the file part", "file", ("image", "files", "", "file\0", "FILE", "x" * 9000))
    filename = places.any_of("page.png", "页.png", "a b;c.png", "a'b.gif", "C:\\a.png")
    filename = at("filename", filename, ("", "../../etc/passwd", *ODD_STRINGS))
    form = places.any_of('; filename="{}"', "; filename=\"{}\"; filename*=UTF-8''{}")
    form = at("form of filename", form, (
        "; filename={}", "; filename*=utf-16''{}", "; filename*=%FF", '; filename="{}', ";",
        '; "{}"', "; filename*0=a; filename*1=b", '; filename="{}"' * 40,
    ))  # fmt: skip
    head = f'form-data; name="{name}"' + form.replace("{}", filename)
    head = at(
        "disposition", head, ("", "attachment", "form-data", "form-data; name", "\xff", ";" * 99)
    )
    content = at("content of the file part", image, (b"", b"\r\n--", image[:-9], image + b"\r\n"))
    return _part_headers(places, head, "image/png") + content


def _part_headers(places: Places, disposition: str, content_type: str) -> bytes:
    at, random = places.at, places.random
    name = places.any_of("Content-Disposition", "content-disposition", "CONTENT-DISPOSITION")
    headers = [
        f"{at('name of a part header', name, ('', 'Content-Dis', name + ' ', ':'))}: {disposition}"
    ]
    if places.any_of(False, True):
        headers.append(
            f"Content-Type: {at('type of a part', content_type, ('', 'x', 'a/b' * 300))}"
        )
    odd = ("no colon", " folded", "X: " + "y" * 9000, "Content-Transfer-Encoding: base64", "\0: \0",
           "Content-Length: 1", headers[0], "Ä: ö")  # fmt: skip
    headers.append(at("another part header", "X-Part: 1", odd))
    headers *= at("copies of part headers", 1, (0, 2, 60))
    random.shuffle(headers)
    return (
        "\r\n".join(headers) + at("end of part headers", "\r\n\r\n", ("\r\n", "", "\n\n"))
    ).encode()


def json_body(places: Places, image: bytes) -> Body:
    """JSON: order, white space, escapes, types, encoding, nesting and repeated names."""
    at = places.at
    fields: dict[str, object] = {
        **fields_of(places, "image", "file"),
        "image": encoded(places, image),
    }
    odd_values: tuple[object, ...] = (
        None,
        [],
        {},
        0,
        -1,
        True,
        1e308,
        "",
        [[]],
        {"image": "x"},
        10**99,
    )
    for name in tuple(fields):
        fields[name] = at(f"JSON value of {name}", fields[name], odd_values)
    items = list(fields.items())
    places.random.shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=places.any_of(True, False),
                      indent=places.any_of(None, 2))  # fmt: skip
    odd_texts = (
        text[:-1], text + "}", text + text, f"[{text}]", text.replace(":", "=", 1), "[" * 9000, "",
        text[:-1] + ",}", text[:-1] + ', "image": "x"}', text[:-1] + ', "drop_score": NaN}', "null",
        '{"a":' * 3000, text.replace('"', "'"), text + "\0", "// c\n" + text, '"\\ud800"', "1e999",
        "{" + ",".join(f'"{n}":1' for n in range(3000)) + "}",
        text[:-1] + ', "\\ud800": 1}', text[:-1] + ', "timeout_ms": ' + "9" * 5000 + "}",
    )  # fmt: skip
    text = at("JSON", text, odd_texts)
    encoding = at("encoding of JSON", "utf-8", ("utf-16", "utf-32", "utf-8-sig", "utf-7"))
    body = text.encode(encoding, "surrogatepass") + at("end of JSON", b"", (b"\xff", b"\0" * 99))
    odd_types = (
        "application/json; charset=x", "application/json;;", "application/JSON;charset=utf-16",
        "text/json", "application/json, text/plain", "application/problem+json",
    )  # fmt: skip
    return at("Content-Type", "application/json", odd_types), body


def urlencoded(places: Places, image: bytes) -> Body:
    """application/x-www-form-urlencoded: escapes, separators, repeated and empty names."""
    at = places.at
    escape = places.any_of(quote_plus, quote)
    fields = {**fields_of(places, "image"), "image": encoded(places, image)}
    pairs = [
        f"{escape(name)}{at('equals sign', '=', ('', '==', '%3D'))}{escape(value)}"
        for name, value in fields.items()
    ]
    places.random.shuffle(pairs)
    pairs.append(
        at("another pair", pairs.pop(), ("", "=", "&&&", "%=%", "%zz=1", "image=", "a" * 9000))
    )
    pairs *= at("copies of the pairs", 1, (0, 2, 500))
    body = at("separator", "&", (";", "&&", "\r\n", "&amp;")).join(pairs).encode()
    body += at("end of the form", b"", (b"&", b"\xff\xfe", b"\0", b"%", b"%E4%B"))
    odd_types = ("application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form",
                 "multipart/form-data", "APPLICATION/X-WWW-FORM-URLENCODED")  # fmt: skip
    return at("Content-Type", "application/x-www-form-urlencoded", odd_types), body


BODIES: dict[str, Callable[[Places, bytes], Body]] = {
    "form-data": form_data,
    "JSON": json_body,
    "urlencoded": urlencoded,
}

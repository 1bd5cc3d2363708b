"""Words of protobuf's text format, cut exactly where protobuf's C++ tokenizer cuts them.

Notes
-----
The behaviour is that of protobuf 3.12 as Caffe uses it; what real Caffe made of several hundred small files
is kept in ``tests/recorded/files/prototxts/prototxt_cases.json``.
"""

from __future__ import annotations

import bisect
import re

from cnnvis_caffe.errors import PrototxtError

IDENTIFIER = "identifier"
INTEGER = "integer"
FLOAT = "float"
STRING = "string"
SYMBOL = "symbol"
END = "end"

# Bytes that are not UTF-8 are allowed in comments. They arrive here as lone surrogates (PEP 383).
_SKIPPED = re.compile(r"(?:[ \t\n\r\v\f]+|#[^\n\0]*)*")
_TOKEN = re.compile(
    r"""
      (?P<identifier> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<integer>    (?: 0[xX][0-9a-fA-F]+ | 0[0-7]* | [1-9][0-9]* ) (?![A-Za-z0-9_.]) )
    | (?P<float>      (?!0[0-9]) (?: [0-9]+(?:\.[0-9]*)? | (?<![A-Za-z0-9_])\.[0-9]+ )
                      (?: [eE][-+]?[0-9]+ )? [fF]? (?![A-Za-z0-9_.]) )
    | (?P<bad_number> \.?[0-9][A-Za-z0-9_.]* )
    | (?P<string>     "[^"\\\n\0]*(?:\\[^\n\0][^"\\\n\0]*)*" | '[^'\\\n\0]*(?:\\[^\n\0][^'\\\n\0]*)*' )
    | (?P<symbol>     [!#-&(-~\x7f] )
    """,
    re.VERBOSE,
)
_HEX = rb"[0-9a-fA-F]"
_ESCAPE = re.compile(
    rb"\\(?:(?P<simple>[abfnrtv\\?'\"])"
    rb"|(?P<octal>[0-7]{1,3})"
    rb"|x(?P<hex>" + _HEX + rb"{1,2})"
    rb"|u(?P<high>[dD][89abAB]" + _HEX + rb"{2})\\u(?P<low>[dD][c-fC-F]" + _HEX + rb"{2})"
    rb"|u(?P<short>" + _HEX + rb"{4})"
    rb"|U(?P<long>00(?:0" + _HEX + rb"|10)" + _HEX + rb"{4})"
    rb"|(?P<invalid>))"
)
#: Characters in quotes in all of a text. Networks of a thousand layers have a twentieth of it.
_MAX_QUOTED = 1_000_000
_SIMPLE = dict(zip(b"abfnrtv\\?'\"", b"\a\b\f\n\r\t\v\\?'\""))


def first_token(text: str) -> int:
    """Return the offset at which the spaces and comments at the beginning of a text end."""
    return _SKIPPED.match(text).end()  # type: ignore[union-attr]  # matches always


class Tokenizer:
    """One token at a time over a text; always stands on the current one.

    Attributes
    ----------
    kind : str
        One of the constants of this module.
    text : str
        The token as written; empty at the end.
    start : int
        Offset of the token in the text.
    """

    def __init__(self, text: str, path: str) -> None:
        self._source = text
        self.path = path
        self._newlines: list[int] | None = None
        self._end = 0
        self._n_quoted = 0
        if text.startswith(("\ufeff", "\udcef")):
            raise self.error("the file starts with a byte order mark, which Caffe refuses; save it without one", 0)
        self.advance()

    def advance(self) -> None:
        """Go to the next token."""
        source = self._source
        self._last_end = self._end
        start = _SKIPPED.match(source, self._end).end()  # type: ignore[union-attr]  # matches always
        match = _TOKEN.match(source, start)
        self.start = start
        if match is None:
            if start < len(source):
                raise self._bad_character(start)
            self.kind, self.text, self._end = END, "", start
            return
        self.kind, self.text, self._end = match.lastgroup or SYMBOL, match.group(), match.end()
        if self.kind == STRING:
            self._n_quoted += len(self.text)
            if self._n_quoted > _MAX_QUOTED:
                raise self.error(f"the texts in quotes have over {_MAX_QUOTED:,} characters; no network has")
        elif self.kind == "bad_number":
            raise self._bad_number()

    def take(self) -> str:
        """Return the current token and go to the next."""
        text = self.text
        self.advance()
        return text

    def at(self, symbol: str) -> bool:
        """Tell whether the current token is this symbol."""
        return self.kind == SYMBOL and self.text == symbol

    def accept(self, symbol: str) -> bool:
        """Go over this symbol if it is here, and tell whether it was."""
        if self.kind == SYMBOL and self.text == symbol:
            self.advance()
            return True
        return False

    def since(self, offset: int) -> str:
        """Return the text from an offset to the end of the token before this one."""
        return self._source[offset : self._last_end].encode("utf-8", "replace").decode("utf-8")

    def shown(self) -> str:
        """Return the current token as a message shows it."""
        if self.kind == END:
            return "the end of the file"
        return self.text if len(self.text) <= 40 else f"{self.text[:37]}..."

    def position(self, offset: int) -> tuple[int, int]:
        """Return one-based line and column of an offset."""
        if self._newlines is None:
            self._newlines = [match.start() for match in re.finditer("\n", self._source)]
        line = bisect.bisect_left(self._newlines, offset)
        line_start = self._newlines[line - 1] + 1 if line else 0
        return line + 1, offset - line_start + 1

    def error(self, message: str, offset: int | None = None) -> PrototxtError:
        """Return an error at an offset, by default at the current token."""
        line, column = self.position(self.start if offset is None else offset)
        return PrototxtError(self.path, message, line, column)

    def _bad_number(self) -> PrototxtError:
        """Return the error for something that starts like a number and is none."""
        text = self.text
        if re.match("0[xX]", text):
            reason = "hexadecimal digits must follow 0x, and nothing else"
        elif re.match("0[0-9]", text):
            reason = "a leading 0 makes it octal, with the digits 0 to 7"
        elif text.count(".") > 1:
            reason = "it has more than one point"
        elif re.match(r"[0-9.]+[eE](?![0-9])", text):
            reason = "digits must follow the e"
        else:
            reason = "it runs into what follows it"
        return self.error(f"{self.shown()} is not a number: {reason}")

    def _unclosed_string(self, start: int) -> PrototxtError:
        """Return the error for a quote without its partner on the same line."""
        line_end = self._source.find("\n", start)
        zero = self._source.find("\0", start, line_end if line_end >= 0 else None)
        if zero >= 0:
            return self._bad_character(zero)
        return self.error("this string is not closed on its line", start)

    def _bad_character(self, offset: int) -> PrototxtError:
        """Return the error for a character that cannot start a token."""
        character = self._source[offset]
        if character in "\"'":
            return self._unclosed_string(offset)
        code = ord(character)
        if code < 0x20:
            return self.error(f"the control character 0x{code:02x} is not allowed; is this a text file?", offset)
        shown = f"byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"character {character!r}"
        return self.error(f"the {shown} is only allowed in strings and comments", offset)

    def string_value(self) -> bytes:
        """Return the bytes that the string token here stands for."""
        try:
            literal = self.text[1:-1].encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise self.error(f"the string {self.shown()!a} has lone surrogates") from error
        return _ESCAPE.sub(self._unescape, literal) if b"\\" in literal else literal

    def _unescape(self, match: re.Match[bytes]) -> bytes:
        """Return the bytes that one escape sequence stands for."""
        kind = match.lastgroup
        if kind == "simple":
            return bytes([_SIMPLE[match.group(kind)[0]]])
        if kind == "octal":
            return bytes([int(match.group(kind), 8) & 0xFF])
        if kind == "hex":
            return bytes([int(match.group(kind), 16)])
        if kind == "low":
            pair = int(match.group("high"), 16) - 0xD800, int(match.group("low"), 16) - 0xDC00
            return chr(0x10000 + (pair[0] << 10) + pair[1]).encode()
        if kind in ("short", "long"):
            return chr(int(match.group(kind), 16)).encode("utf-8", "surrogatepass")
        raise self.error(
            f"the string {self.shown()} has an invalid escape sequence; a backslash itself is written \\\\"
        )

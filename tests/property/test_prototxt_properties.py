"""Any message written as text comes back as it was, in every way in which text can be written."""

from __future__ import annotations

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from cnnvis_caffe.errors import NetError, PrototxtError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import parse_text
from cnnvis_caffe.formats.text_tokenizer import END, Tokenizer
from cnnvis_caffe.formats.upgrade import generation_of, upgrade_network

ROOTS = [
    "NetParameter",
    "SolverParameter",
    "LayerParameter",
    "V1LayerParameter",
    "V0LayerParameter",
    "BlobProto",
    "Datum",
]
_RANGES = {"INT32": (-(2**31), 2**31 - 1), "UINT32": (0, 2**32 - 1), "INT64": (-(2**63), 2**63 - 1)}


def values(field):
    """Values that a field that is not a message can have."""
    kinds = {getattr(FieldDescriptor, f"CPPTYPE_{name}"): st.integers(*limits) for name, limits in _RANGES.items()}
    kinds[FieldDescriptor.CPPTYPE_BOOL] = st.booleans()
    kinds[FieldDescriptor.CPPTYPE_FLOAT] = st.floats(width=32)
    kinds[FieldDescriptor.CPPTYPE_DOUBLE] = st.floats()
    kinds[FieldDescriptor.CPPTYPE_STRING] = (
        st.binary(max_size=6) if field.type == FieldDescriptor.TYPE_BYTES else st.text(max_size=6)
    )
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return kinds[field.cpp_type]


def fill(message, data, depth=3):
    """Set some fields of a message, and some fields of the messages in it."""
    known = [field for field in message.DESCRIPTOR.fields if field.name != schema.UNKNOWN_TEXT]
    fields = [field for field in known if depth or field.message_type is None]
    required = [field for field in message.DESCRIPTOR.fields if schema.is_required(field)]
    chosen = data.draw(st.lists(st.sampled_from(fields), max_size=4, unique=True)) if fields else []
    for field in {field.name: field for field in chosen + required}.values():
        if schema.is_repeated(field):
            target = getattr(message, field.name)
            for _ in range(data.draw(st.integers(0, 2))):
                if field.message_type is None:
                    target.append(data.draw(values(field)))
                else:
                    fill(target.add(), data, depth - 1)
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), data, depth - 1)
        else:
            setattr(message, field.name, data.draw(values(field)))


@st.composite
def messages(draw, roots=tuple(ROOTS)):
    """Messages of several kinds with anything in them."""
    message = schema.MESSAGES[draw(st.sampled_from(roots))]()
    fill(message, draw(st.data()))
    return message


def as_text(message):
    return text_format.MessageToString(message)


@given(messages(), st.booleans(), st.booleans())
def test_text_comes_back_as_the_same_message(message, as_utf8, one_line):
    text = text_format.MessageToString(message, as_utf8=as_utf8, as_one_line=one_line)
    parsed = parse_text(text, type(message), allow_unknown=False)
    # As text, because nan is not nan.
    assert as_text(parsed.message) == as_text(message)
    assert all(field.is_of_fork for field in parsed.unknown)


def tokens_of(text):
    """Cut a text into its tokens."""
    tokens, found = Tokenizer(text, ""), []
    while tokens.kind != END:
        found.append(tokens.text)
        tokens.advance()
    return found


@given(messages(), st.randoms(use_true_random=False))
def test_spaces_comments_and_brackets_do_not_matter(message, chance):
    brackets = []
    words = []
    for token in tokens_of(as_text(message)):
        if token == "{":
            brackets.append(chance.random() < 0.5)
            words.append(chance.choice(["", ": "]) + "{<"[brackets[-1]])
        elif token == "}":
            words.append("}>"[brackets.pop()] + chance.choice(["", ",", ";"]))
        else:
            words.append(token)
    # A minus and its number are two tokens; so are a name and its colon.
    text = "".join(word + chance.choice([" ", "\n", "\t", "\r\n", " # {[<\"'\n"]) for word in words)
    assert as_text(parse_text(text, type(message), allow_unknown=False).message) == as_text(message)


@given(messages(), st.randoms(use_true_random=False))
def test_damaged_text_is_read_as_protobuf_reads_it_or_refused(message, chance):
    words = tokens_of(as_text(message)) + ["}"]
    del words[chance.randrange(len(words))]
    words.insert(chance.randrange(len(words) + 1), chance.choice(["{", "}", "1", ":", "[", "name", '"a"', "-", "2.5"]))
    text = " ".join(words)
    try:
        expected = as_text(text_format.Parse(text, type(message)()))
    except text_format.ParseError:
        expected = None
    try:
        found = as_text(parse_text(text, type(message), allow_unknown=False).message)
    except PrototxtError:
        found = None
    assert found == expected


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        parse_text(text, schema.NetParameter)
    except PrototxtError as error:
        assert error.line >= 1 and error.column >= 1


@given(st.text(alphabet="layer{}<>[]:;,#\"'\\ \n-.0123456789exfname", max_size=200))
def test_almost_prototxt_is_read_or_refused(text):
    try:
        parse_text(text, schema.NetParameter)
    except PrototxtError as error:
        assert error.line >= 1 and error.column >= 1


@given(messages(roots=("NetParameter",)))
def test_upgrading_twice_is_upgrading_once(net):
    try:
        upgrade_network(net)
    except NetError:
        return
    once = as_text(net)
    assert upgrade_network(net) == []
    assert as_text(net) == once
    assert generation_of(net) == "V2"

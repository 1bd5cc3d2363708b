"""Text is read as Caffe reads it, and what is wrong is said with its place."""

from __future__ import annotations

import math
import os

import pytest
from caffe_recordings import cases, text_of
from google.protobuf import text_format
from helpers.each import check_each

from cnnvis_caffe.errors import DataNotFoundError, PrototxtError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text, parse_text, read_network, read_solver, write_text

UTF8_ONLY = "a protobuf string in Python cannot hold what is not UTF-8"


def parse_net(text, **options):
    return parse_text(text, schema.NetParameter, **options).message


def refusal(text, message_class=schema.NetParameter):
    """Return the error that a text is refused with."""
    with pytest.raises(PrototxtError) as caught:
        parse_text(text, message_class, path="net.prototxt", allow_unknown=False)
    return caught.value


def test_the_recording_is_there():
    assert len(cases("prototxt_cases", accepted=True)) > 150
    assert len(cases("prototxt_cases", accepted=False)) > 150
    assert {case.get("differs") for case in cases("prototxt_cases")} == {None, UTF8_ONLY}


def name_of(case):
    """What a failure calls a case."""
    return repr(case["text"])[:60]


def test_reads_what_caffe_reads():
    check_each(assert_is_read, cases("prototxt_cases", accepted=True), name_of)


def assert_is_read(case):
    if "differs" in case:
        with pytest.raises(PrototxtError, match=r":1:7: .*(UTF-8|escape)"):
            network_from_text(text_of(case), allow_unknown=False)
        return
    expected = text_format.Parse(case["output"], schema.NetParameter())
    found = network_from_text(text_of(case), allow_unknown=False).message
    # As text, so that nan equals nan.
    assert text_format.MessageToString(found) == text_format.MessageToString(expected)


def test_refuses_what_caffe_refuses():
    check_each(assert_is_refused, cases("prototxt_cases", accepted=False), name_of)


def assert_is_refused(case):
    with pytest.raises(PrototxtError) as caught:
        network_from_text(text_of(case), "net.prototxt", allow_unknown=False)
    line, _, rest = case["error"].partition(":")
    if line.isdigit():
        # Caffe points at the end of some tokens; we point at their start.
        assert caught.value.line == int(line)
        assert 1 <= caught.value.column <= int(rest.partition(":")[0])
    assert str(caught.value).startswith(f"net.prototxt:{caught.value.line}:{caught.value.column}: ")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "layer {\n  convolution_param {\n    kernel: 3\n  }\n}",
            (3, 5),
            "ConvolutionParameter has no field 'kernel'; did you mean",
        ),
        (
            "layer {\n\ttype: CONVOLUTION\n}",
            (2, 8),
            'type takes text in quotes, found CONVOLUTION; write "CONVOLUTION"',
        ),
        ('layers { type: "RELU" }', (1, 16), "without quotes"),
        ("layers { type: CONVOLUTIN }", (1, 16), "did you mean CONVOLUTION or DECONVOLUTION"),
        (
            "layer { pooling_param { pool: AVG } }",
            (1, 31),
            "pool cannot be AVG; it can be MAX, AVE, STOCHASTIC",
        ),
        ("layer { pooling_param { pool: 7 } }", (1, 31), "pool cannot be 7; it can be MAX, AVE, STOCHASTIC"),
        ("layer { lrn_param { local_size: -1 } }", (1, 33), "a whole number from 0 to 4294967295, found -"),
        (
            "layer { lrn_param { local_size: 2.0 } }",
            (1, 33),
            "a whole number from 0 to 4294967295, found 2.0",
        ),
        (
            "layer { lrn_param { local_size: [2] } }",
            (1, 33),
            "local_size can have only one value, found a list",
        ),
        ("layer { lrn_param { alpha: 0x2 } }", (1, 28), "alpha takes a number in decimal, found 0x2"),
        ("layer { lrn_param { alpha: wide } }", (1, 28), "alpha takes a number, found wide"),
        ('name: "a"\nname: "b"', (2, 1), "name is given a second time"),
        ("layer { clip_param { min: 1 } }", (1, 9), "ClipParameter needs a value for max"),
        ("state {\n level: 1\n", (3, 1), "state, opened at 1:7, is not closed with '}'"),
        ("state { level: 1 >", (1, 18), "expected '}' at the end of state, found >"),
        ("force_backward: TRUE", (1, 17), "takes true or false, found TRUE"),
        ('name: "a\nb"', (1, 7), "not closed on its line"),
        (r'name: "C:\data"', (1, 7), r"invalid escape sequence; a backslash itself is written \\"),
        ("\ufeffname: 'a'", (1, 1), "byte order mark"),
        ("name: “a”", (1, 7), "only allowed in strings and comments"),
        ("name: \x00", (1, 7), "control character 0x00"),
        ("[caffe.extension]: 1", (1, 1), "extensions"),
        ("}", (1, 1), "this '}' closes nothing"),
        ("input_dim: 1 2", (1, 14), "expected the name of a field of NetParameter, found 2"),
        ("input_dim: " + "9" * 5000, (1, 12), "found 9999999999"),
    ],
)
def test_errors_say_where_what_and_what_is_allowed(text, place, words):
    error = refusal(text)
    assert (error.line, error.column) == place
    assert words in str(error)
    assert error.path == "net.prototxt"


def test_unknown_fields_are_reported_and_skipped():
    text = (
        'name: "net" nme: -3.5f, deep: { a: [1, { b: "}" }] c < d: 1 > } list: [1, 2]; text: "a" "b"\n'
        "layer { name: 'ip'\n  inner_product_param { num_output: 3 numoutput: 4 } angled < x: 1 > }\n"
    )
    parsed = parse_text(text, schema.NetParameter)
    assert [(field.name, field.line, field.column) for field in parsed.unknown] == [
        ("nme", 1, 13),
        ("deep", 1, 25),
        ("list", 1, 65),
        ("text", 1, 79),
        ("numoutput", 3, 39),
        ("angled", 3, 54),
    ]
    assert parsed.unknown[0].near == ("name",)
    assert str(parsed.unknown[4]) == "InnerProductParameter has no field 'numoutput'; did you mean 'num_output'?"
    settings = schema.InnerProductParameter(num_output=3, unknown_text=["numoutput: 4"])
    assert parsed.message == schema.NetParameter(
        name="net",
        layer=[schema.LayerParameter(name="ip", inner_product_param=settings, unknown_text=["angled < x: 1 >"])],
        unknown_text=[
            "nme: -3.5f", 'deep: { a: [1, { b: "}" }] c < d: 1 > }', "list: [1, 2]", 'text: "a" "b"'
        ],
    )  # fmt: skip


@pytest.mark.parametrize("text", ["nme 3", "nme: }", "nme: -", "nme { ] }", "nme: [1, 2", "nme"])
def test_unknown_fields_must_still_be_well_formed(text):
    with pytest.raises(PrototxtError):
        parse_net(text)


def test_layer_lines_in_every_generation():
    text = """# a comment
layer {
  name: "one" }
layer
{ name: "two" } layer { name: 'three' }
layer { name: "one" }
"""
    assert parse_text(text, schema.NetParameter).layer_lines == {"one": 2, "two": 4, "three": 5}
    assert network_from_text("\nlayers { name: 'v1' }").layer_lines == {"v1": 2}
    assert network_from_text("\n\nlayers { layer { name: 'v0' } }").layer_lines == {"v0": 3}
    inside = parse_text("net_param {\n layer { name: 'x' } }", schema.SolverParameter)
    assert inside.layer_lines == {"x": 2}


def test_very_deep_nesting_of_unknown_fields():
    depth = 200_000
    assert [field.name for field in parse_text("x {" * depth + "}" * depth, schema.NetParameter).unknown] == ["x"]
    with pytest.raises(PrototxtError, match="not closed"):
        parse_net("x {" * depth)


@pytest.mark.parametrize(
    "text",
    [
        '"' * 300_001,
        'name: "' + "\\a" * 150_000,
        "1" * 300_000 + "x",
        "loss_weight: 1." + "1" * 300_000 + ".",
        "#" * 300_000,
        "a " * 100_000,
    ],
    ids=["quotes", "escapes", "digits", "fraction", "comment", "names"],
)
def test_hostile_text_takes_linear_time(text):
    # Quadratic time would take minutes and hit the timeout.
    if text.startswith("#"):
        assert parse_net(text) == schema.NetParameter()
    else:
        with pytest.raises(PrototxtError):
            parse_net(text)


def test_guessing_what_was_meant_is_limited():
    text = "".join(f"layr{index}: 1\n" for index in range(20_000)) + "n" * 1_000_000 + ": 1"
    unknown = parse_text(text, schema.NetParameter).unknown
    assert len(unknown) == 20_001
    assert "layer" in unknown[0].near and unknown[-1].near == ()


def test_octal_numbers_may_have_any_number_of_zeros():
    assert parse_net("input_dim: " + "0" * 5000 + "17").input_dim == [15]


def test_floats_are_rounded_as_in_cpp():
    weights = parse_net("layer { loss_weight: [1e39, -1e39, 1e-46, -0, nan, 0.1, 16777217] }").layer[0].loss_weight
    assert weights[0] == math.inf and weights[1] == -math.inf and weights[2] == 0
    assert math.copysign(1, weights[3]) == -1 and math.isnan(weights[4])
    assert weights[5] == pytest.approx(0.1) and weights[6] == 16777216


def test_bytes_take_any_byte():
    datum = parse_text(r'data: "\377\000" "\xfe" encoded: true', schema.Datum).message
    assert datum.data == b"\xff\x00\xfe"
    assert parse_text('data: "\udce9"', schema.Datum).message.data == b"\xe9"


def test_lone_surrogates_are_refused():
    assert "lone surrogates" in str(refusal("name: '\ud800'"))
    assert "only allowed in strings" in str(refusal("\ud800"))


def test_comments_may_be_in_any_encoding(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"# caf\xe9 \xc4\xe3\xba\xc3\nname: 'a'")
    assert read_network(path).message.name == "a"


def test_read_network_gives_everything_about_a_file(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('layers { name: "a" type: RELU bottom: "x" top: "a" odd: 1 }\n', encoding="utf-8")
    network = read_network(path)
    assert network.path == str(path)
    assert network.generation == "V1"
    assert network.message.layer[0].type == "ReLU"
    assert len(network.upgrades) == 1
    assert [field.name for field in network.unknown] == ["odd"]
    assert network.layer_lines == {"a": 1}
    with pytest.raises(PrototxtError, match=r"net\.prototxt:1:52: V1LayerParameter has no field 'odd'"):
        read_network(path, allow_unknown=False)


def test_upgrade_errors_have_the_line_of_the_layer(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text("input: 'x'\nlayers { layer { name: 'a' type: 'sofmax' } bottom: 'x' }\n", encoding="utf-8")
    with pytest.raises(PrototxtError, match=r"net\.prototxt:2: layer 'a' has the V0 type 'sofmax'") as caught:
        read_network(path, allow_unknown=False)
    assert (caught.value.line, caught.value.column) == (2, None)


def test_both_generations_at_once_is_an_error():
    with pytest.raises(PrototxtError, match="both 'layer'.*'new'.*'layers'.*'old'"):
        network_from_text("layer { name: 'new' } layers { name: 'old' }")


@pytest.mark.parametrize("reader", [read_network, read_solver])
def test_missing_and_unreadable_files(tmp_path, reader):
    with pytest.raises(DataNotFoundError, match=r"none\.prototxt: there is no such file"):
        reader(tmp_path / "none.prototxt")
    with pytest.raises(PrototxtError, match="cannot be read: it is a folder, not a file"):
        reader(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            schema.NetParameter(name="net", layer=[schema.LayerParameter()], input_dim=[0]).SerializeToString(),
            "cnnvis-caffe deploy .*net.caffemodel --out deploy.prototxt",
        ),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "an HDF5 file"),
        (b"\n\x03net\xa2\x06\x05\n\x03abc", "control character 0x03"),
    ],
    ids=["caffemodel", "hdf5", "caffemodel without zeros"],
)
def test_binary_files_are_called_by_name(tmp_path, data, words):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(data)
    with pytest.raises(PrototxtError, match=words):
        read_network(path)


def test_read_solver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solver.prototxt").write_text("net: 'n' solver_type: ADAM odd: 1", encoding="utf-8")
    solver = read_solver("solver.prototxt")
    assert solver.message.type == "Adam" and not solver.message.HasField("solver_type")
    assert solver.message.snapshot_prefix == "solver"
    assert len(solver.upgrades) == 2
    assert [field.name for field in solver.unknown] == ["odd"]
    with pytest.raises(PrototxtError, match="no field 'odd'"):
        read_solver("solver.prototxt", allow_unknown=False)


def test_write_text_is_what_protobuf_reads(tmp_path):
    path = tmp_path / "net.prototxt"
    message = parse_net("name: '\u00e9' layer { loss_weight: 0.1 clip_param { min: 0 max: 1 } phase: TEST }")
    write_text(path, message)
    assert path.read_bytes().isascii()
    assert text_format.Parse(path.read_text(encoding="utf-8"), schema.NetParameter()) == message
    assert read_network(path).message == message
    assert os.listdir(tmp_path) == ["net.prototxt"]

"""The messages must be Caffe's: same names, numbers, types, labels, defaults and packing."""

from __future__ import annotations

import copy
import importlib.util
import os
import pickle
import shlex
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from helpers.recordings import MESSAGES, RECORDERS

from cnnvis_caffe.formats import schema

ROOT = Path(__file__).resolve().parents[3]
LISTER = RECORDERS / "list_messages.py"


def load_script(path):
    """Import a script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def our_listing():
    """List our messages as the recording lists those of Caffe."""
    data = resources.files("cnnvis_caffe.formats").joinpath("caffe.desc").read_bytes()
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(data).file
    return load_script(LISTER).listing(file)


def forks_file():
    """What forks add, as it is compiled."""
    data = resources.files("cnnvis_caffe.formats").joinpath("forks.desc").read_bytes()
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(data).file
    return file


def test_messages_equal_the_recorded_ones():
    recorded = MESSAGES.read_text(encoding="utf-8").splitlines()
    assert len(recorded) == 534
    assert "ConvolutionParameter.num_output 1 LABEL_OPTIONAL TYPE_UINT32 default=- packed=False" in recorded
    assert our_listing() == recorded


@pytest.mark.pycaffe
@pytest.mark.skipif("CNNVIS_REAL_CAFFE" not in os.environ, reason="CNNVIS_REAL_CAFFE names no real Caffe")
def test_messages_equal_those_of_real_caffe():
    command = [*shlex.split(os.environ["CNNVIS_REAL_CAFFE"]), "python3", str(LISTER)]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    assert result.stdout.decode().splitlines() == our_listing()


def test_descriptors_are_compiled_from_the_schema():
    tool = load_script(ROOT / "tools" / "compile_schema.py")
    compiler = tool.find_compiler()
    if compiler is None:
        pytest.skip("there is no protobuf compiler")
    for name in tool.SCHEMAS:
        assert (tool.FORMATS / f"{name}.desc").read_bytes() == tool.compile_schema(compiler, name)


def test_every_message_is_an_attribute_and_typed():
    stub = (ROOT / "cnnvis_caffe" / "formats" / "schema.pyi").read_text(encoding="utf-8")
    recorded = {line.split(".")[0] for line in MESSAGES.read_text(encoding="utf-8").splitlines()}
    forks = {message.name for message in forks_file().message_type}
    assert set(schema.MESSAGES) == (recorded | forks) - {"Phase"}
    for name, message_class in schema.MESSAGES.items():
        assert getattr(schema, name) is message_class
        assert f"\n{name}: Any\n" in stub


def test_enums_are_reached_as_in_pycaffe():
    assert (schema.TRAIN, schema.TEST) == (0, 1)
    assert schema.Phase.Name(schema.TEST) == "TEST"
    assert schema.PoolingParameter.AVE == 1
    assert schema.PoolingParameter.PoolMethod.Name(2) == "STOCHASTIC"
    assert schema.V1LayerParameter.LayerType.Value("ABSVAL") == 35


def test_defaults():
    assert schema.FillerParameter().type == "constant"
    assert schema.NetState().phase == schema.TEST
    assert schema.HingeLossParameter().norm == schema.HingeLossParameter.L1 == 1
    assert not schema.LayerParameter().HasField("phase")


def test_forks_take_nothing_from_caffe():
    """What Caffe 1.0 has keeps its name, its number and its meaning; what is added says that it is a fork's."""
    for line in MESSAGES.read_text(encoding="utf-8").splitlines():
        name, number, *_ = line.split(" ")
        message, _, field = name.partition(".")
        if message in schema.MESSAGES and field.islower():
            assert schema.MESSAGES[message].DESCRIPTOR.fields_by_name[field].number == int(number)
            assert not schema.is_fork_field(message, field)
    caffe = {line.split(".")[0] for line in MESSAGES.read_text(encoding="utf-8").splitlines()}
    for message in forks_file().message_type:
        for field in message.field:
            assert schema.is_fork_field(message.name, field.name) == (message.name in caffe)


def test_settings_of_forks_stand_in_layers_of_both_generations():
    for layer in (schema.LayerParameter(), schema.V1LayerParameter()):
        layer.permute_param.order.extend([0, 2, 3, 1])
        assert schema.is_fork_field(type(layer).DESCRIPTOR.name, "permute_param")
        assert type(layer).FromString(layer.SerializeToString()) == layer
    assert schema.PriorBoxParameter.CENTER_SIZE == 2


def test_the_pool_is_private():
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("caffe.NetParameter")


def test_messages_can_be_copied_and_pickled():
    net = schema.NetParameter(name="net", layer=[schema.LayerParameter(name="conv", type="Convolution")])
    assert copy.deepcopy(net) == net
    assert pickle.loads(pickle.dumps(net)) == net


def test_reading_text_needs_no_heavy_library():
    code = (
        "import sys; import cnnvis_caffe.formats.prototxt\n"
        "print([name for name in ('torch', 'h5py', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, cwd=ROOT)
    assert result.stdout.strip() == b"[]"

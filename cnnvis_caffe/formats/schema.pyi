# Messages are dynamic: their fields are known to protobuf, not to the type checker.
from typing import Any

DESCRIPTOR: Any
MESSAGES: dict[str, Any]
LAYER_SETTINGS: tuple[str, ...]
Phase: Any
TRAIN: int
TEST: int

def is_repeated(field: Any) -> bool: ...
def is_required(field: Any) -> bool: ...

BlobShape: Any
BlobProto: Any
BlobProtoVector: Any
Datum: Any
FillerParameter: Any
NetParameter: Any
NetState: Any
NetStateRule: Any
SolverParameter: Any
SolverState: Any
LayerParameter: Any
ParamSpec: Any
TransformationParameter: Any
LossParameter: Any
AccuracyParameter: Any
ArgMaxParameter: Any
BatchNormParameter: Any
BiasParameter: Any
ClipParameter: Any
ConcatParameter: Any
ContrastiveLossParameter: Any
ConvolutionParameter: Any
CropParameter: Any
DataParameter: Any
DropoutParameter: Any
DummyDataParameter: Any
EltwiseParameter: Any
ELUParameter: Any
EmbedParameter: Any
ExpParameter: Any
FlattenParameter: Any
HDF5DataParameter: Any
HDF5OutputParameter: Any
HingeLossParameter: Any
ImageDataParameter: Any
InfogainLossParameter: Any
InnerProductParameter: Any
InputParameter: Any
LogParameter: Any
LRNParameter: Any
MemoryDataParameter: Any
MVNParameter: Any
ParameterParameter: Any
PoolingParameter: Any
PowerParameter: Any
PReLUParameter: Any
PythonParameter: Any
RecurrentParameter: Any
ReductionParameter: Any
ReLUParameter: Any
ReshapeParameter: Any
ScaleParameter: Any
SigmoidParameter: Any
SliceParameter: Any
SoftmaxParameter: Any
SPPParameter: Any
SwishParameter: Any
TanHParameter: Any
ThresholdParameter: Any
TileParameter: Any
WindowDataParameter: Any
V1LayerParameter: Any
V0LayerParameter: Any

# Messages are dynamic: their fields are known to protobuf, not to the type checker.
from typing import Any

TRAIN: int
TEST: int
__all__: list[str]

def __getattr__(name: str) -> Any: ...

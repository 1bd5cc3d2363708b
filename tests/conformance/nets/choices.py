"""What many makers choose alike."""

from __future__ import annotations

from net_writer import NetWriter, Top

#: Values for parameters.
FILL = "uniform -0.5 0.5"


def dims(shape: list[int]) -> str:
    """A shape as text."""
    return " ".join(f"dim: {length}" for length in shape)


def filler(net: NetWriter, field: str) -> str:
    """A filler that draws, or, for what is only added, one that does not."""
    kinds = [
        'type: "xavier"',
        'type: "gaussian" std: 0.3',
        'type: "uniform" min: -0.5 max: 0.5',
        'type: "msra"',
        'type: "positive_unitball"',
    ]
    if field != "weight_filler":
        kinds.append('type: "constant" value: 0.25')
    return f"{field} {{ {net.random.choice(kinds)} }}"


def must_have_gradients(net: NetWriter) -> bool:
    """Whether a layer without backward pass would end every run."""
    return net.force_backward and not net.mistake()


def may_be_in_place(net: NetWriter, bottom: Top) -> bool:
    """Work in place: where nobody has read the old values, or Caffe aborts."""
    return net.chance(0.45) and (not (bottom.n_readers or bottom.has_weight) or net.mistake())


def param_fills(net: NetWriter, n_params: int) -> list[str]:
    """Values for parameters, or none: then fillers give them."""
    return [FILL] * n_params if net.chance(0.6) else []

"""The pen of the generator: writes layers at random, and knows names and shapes of what it has written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

Shape = list[int]


class Top:
    """One version of a blob: what a layer wrote."""

    def __init__(self, name: str, shape: Shape, n_labels: int = 0) -> None:
        self.name = name
        self.shape = shape
        self.n_labels = n_labels  # not 0: whole numbers from 0 to n_labels - 1
        self.n_readers = 0
        self.has_weight = False  # an explicit loss weight, which reads it like a layer


class NetWriter:
    """A net that grows layer by layer.

    Attributes
    ----------
    random : Random
    phase : str
    tops : list of Top
        Newest version of every blob, in the order in which they were made.
    inputs, layers : list of str
        Names, in order.
    fills : list of str
        Steps that fill parameters.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.phase = random.choice(["TRAIN", "TEST"])
        self.level = random.choice([0, 0, 0, 2, -1])
        self.stages = random.sample(["deploy", "val", "half"], random.choice([0, 0, 1, 2]))
        self.force_backward = random.random() < 0.3
        self.tops: list[Top] = []
        self.inputs: list[str] = []
        self.layers: list[str] = []
        self.fills: list[str] = []
        self.shared: dict[str, Shape] = {}
        self.lr_mults: dict[str, float | None] = {}
        self.is_careless = random.random() < 0.08
        self.may_be_automatic = True
        self.may_resize = True
        self.style = random.choice(["{type}{n}", "{n}_{type}", "B/{type}{n}", "l{n}"])
        self._texts: list[str] = []
        self._n = 0

    # -- chance ---------------------------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.random.random() < probability

    def mistake(self) -> bool:
        """True now and then, in nets that have mistakes at all; two would hide each other."""
        wrong = self.is_careless and self.chance(0.04)
        self.is_careless = self.is_careless and not wrong
        return wrong

    def pick(self, fits: Callable[[Top], bool] = lambda top: True, besides: Sequence[Top] = ()) -> Top | None:
        """One of the blobs that fit: rather one that nobody reads yet, rather a new one."""
        choice = [top for top in self.tops if not top.n_labels and top not in besides and fits(top)]
        if not choice:
            return None
        weights = [(1 + i) * (5 if top.n_readers == 0 else 1) for i, top in enumerate(choice)]
        return self.random.choices(choice, weights)[0]

    # -- writing --------------------------------------------------------------------------------------------------

    def new_name(self, layer_type: str) -> str:
        """A name for a layer."""
        self._n += 1
        return self.style.format(type=layer_type.lower()[:6], n=self._n)

    def add(
        self,
        layer_type: str,
        bottoms: Sequence[Top],
        shapes: Sequence[Shape],
        body: str = "",
        *,
        params: Sequence[Shape] = (),
        fills: Sequence[str] = (),
        in_place: bool = False,
        is_loss: bool = False,
        lr_zero_only: bool = False,
        loss_weight: float | None = None,
    ) -> list[Top]:
        """Write a layer; give its tops.

        Parameters
        ----------
        shapes : sequence of list of int
            Of its tops.
        params : sequence of list of int
            Shapes of its parameters.
        fills : sequence of str
            What to fill each of them with; where empty, fillers in `body` do it.
        loss_weight : float, optional
            Of its only top; else chance decides.
        """
        random = self.random
        name = self.new_name(layer_type)
        tops = []
        others = [top.name for top in self.tops if top not in bottoms]
        for index, shape in enumerate(shapes):
            if index == 0 and in_place:
                top_name = bottoms[0].name
            elif others and self.mistake():
                top_name = random.choice(others)
            else:
                top_name = (
                    name if len(shapes) == 1 and self.chance(0.6) else random.choice("aBzZ") + f"{self._n}{index}"
                )
            tops.append(Top(top_name, list(shape)))
        lines = [f'name: "{name}" type: "{layer_type}"']
        for bottom in bottoms:
            bottom.n_readers += 1
            lines.append(f'bottom: "{"nowhere" if self.mistake() else bottom.name}"')
        if is_loss and self.may_be_automatic and self.chance(0.2):
            tops = []  # the net makes one that is called "(automatic)"; after a second one pycaffe mixes names up
            self.may_be_automatic = False
        lines += [f'top: "{top.name}"' for top in tops]
        weights = self._loss_weights(len(shapes), is_loss) if loss_weight is None else [f"loss_weight: {loss_weight}"]
        lines += weights
        lines += self._propagate_down(bottoms)
        lines += self._params(params, lr_zero_only)
        if self.chance(0.04):
            lines.append(f"phase: {random.choice(['TRAIN', 'TEST'])}")
        if self.chance(0.08):
            lines.append(self._rule(admits=True))
        if body:
            lines.append(body)
        self._texts.append("layer {\n  " + "\n  ".join(lines) + "\n}")
        self.layers.append(name)
        self.fills += [f"fill {name}[{index}] {fill}" for index, fill in enumerate(fills) if fill]
        for top in tops:
            top.has_weight = bool(weights)
            old = [other for other in self.tops if other.name == top.name]
            self.tops = [other for other in self.tops if other not in old] + [top]
        return tops

    def write(self, text: str) -> None:
        """Write a layer as it is."""
        self._texts.append(text)

    def add_decoy(self) -> None:
        """Write a layer that does not belong to this phase, level and stage."""
        name = self.new_name("decoy")
        bottom = self.random.choice(self.tops).name if self.tops and self.chance(0.7) else "nowhere"
        rule = self._rule(admits=False)
        self._texts.append(f'layer {{ name: "{name}" type: "ReLU" bottom: "{bottom}" top: "{bottom}" {rule} }}')

    def text(self, header: Sequence[str], fields: Sequence[str]) -> str:
        """The whole prototxt."""
        return "\n".join([*(f"#: {line}" for line in header), *fields, *self._texts]) + "\n"

    def _loss_weights(self, n_tops: int, is_loss: bool) -> list[str]:
        """Loss weights of some layers."""
        probability = 0.06 if not is_loss else 0.4 if n_tops == 1 else 0.9
        if not self.chance(probability):
            return ["loss_weight: 1"] * (n_tops + 1) if self.mistake() else []
        return [f"loss_weight: {self.random.choice([1, 2, 0.5, -0.5, 0])}" for _ in range(n_tops)]

    def _propagate_down(self, bottoms: Sequence[Top]) -> list[str]:
        """Flags for some layers' bottoms; none for labels, whose gradient most losses refuse to compute."""
        if bottoms and self.mistake():
            return ["propagate_down: true"] * (len(bottoms) + 1)
        if bottoms and self.chance(0.12):
            flags = ["false" if bottom.n_labels or self.chance(0.45) else "true" for bottom in bottoms]
            return [f"propagate_down: {flag}" for flag in flags]
        return []

    def _params(self, shapes: Sequence[Shape], lr_zero_only: bool) -> list[str]:
        """ParamSpecs: names to share, and how fast to learn."""
        n_specs = len(shapes)
        if self.mistake():
            n_specs += 1
        elif not n_specs or self.chance(0.4):
            return []
        elif not lr_zero_only and self.chance(0.2):
            n_specs = self.random.randint(1, n_specs)
        return [self._param(shapes[i] if i < len(shapes) else [], lr_zero_only) for i in range(n_specs)]

    def _param(self, shape: Shape, lr_zero_only: bool) -> str:
        """One ParamSpec."""
        parts = []
        share_name = ""
        as_many = [name for name, other in self.shared.items() if count_of(other) == count_of(shape)]
        if self.chance(0.7 if as_many else 0.4):
            share_name = self.random.choice(as_many) if as_many and self.chance(0.8) else f"w{len(self.shared)}"
            if self.shared and self.mistake():
                share_name = self.random.choice(list(self.shared))
            if self.shared.setdefault(share_name, shape) != shape or self.chance(0.1):
                parts.append("share_mode: PERMISSIVE")
            parts.append(f'name: "{share_name}"')
        lr_mult = 0 if lr_zero_only else self.random.choice([None, None, 1, 0, 2])
        if share_name and not self.mistake():
            lr_mult = self.lr_mults.setdefault(share_name, lr_mult)
        if lr_mult is not None:
            parts.append(f"lr_mult: {lr_mult}")
        return "param { " + " ".join(parts) + " }"

    def _rule(self, admits: bool) -> str:
        """An include or exclude rule that admits this layer here, or does not."""
        other_phase = "TEST" if self.phase == "TRAIN" else "TRAIN"
        met = [f"phase: {self.phase}", f"min_level: {self.level}", f"max_level: {self.level + 1}", 'not_stage: "no"']
        met += [f'stage: "{stage}"' for stage in self.stages]
        unmet = [f"phase: {other_phase}", f"min_level: {self.level + 1}", f"max_level: {self.level - 1}", 'stage: "no"']
        unmet += [f'not_stage: "{stage}"' for stage in self.stages]
        some = self.random.choice
        yes, no = some(met), some(unmet)
        while yes.split(":")[0] == no.split(":")[0]:
            yes, no = some(met), some(unmet)
        if admits:
            rules = [f"include {{ {yes} }}", f"exclude {{ {no} }}", f"include {{ {no} }} include {{ {yes} }}"]
            return some([*rules, f"exclude {{ {yes} {no} }}"])
        rules = [f"include {{ {no} }}", f"exclude {{ {yes} }}", f"exclude {{ {no} }} exclude {{ {yes} }}"]
        return some([*rules, f"include {{ {yes} {no} }}"])


def count_of(shape: Shape) -> int:
    """Product of a shape."""
    count = 1
    for length in shape:
        count *= length
    return count

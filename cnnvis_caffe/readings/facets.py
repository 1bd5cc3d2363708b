"""The facets that show a cluster as a matrix of neurons and classes: their values and their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.analysis import DataSummary, LayerFeatures

#: Tasks of which each column has a score; of others the column is itself the answer, such as a number.
_HAVE_SCORES = ("classes", "labels", "pixels")


@dataclass(frozen=True)
class MatrixFacet:
    """A facet with a value for each neuron and class.

    Attributes
    ----------
    values : callable
        From the features of a layer to its values, (n_neurons, n_classes).
    value : str
        The name of one value.
    heading, brief : str
        Of its part of the legend; the brief one where there is little room. `{columns}` stands for classes, labels, ...
        and `{score}` for what contributions are to.
    ends : (str, str) or None
        Words for the lowest and the highest value where both signs have a meaning, so that it always has the colours
        for both; None for values that begin at 0, which have these colours only where some are negative.
    """

    values: Callable[[LayerFeatures], np.ndarray]
    value: str
    heading: str
    brief: str
    ends: tuple[str, str] | None = None

    def heading_for(self, data: DataSummary) -> str:
        """Return the heading with the words of a task.

        Parameters
        ----------
        data : DataSummary
            That says what its columns are.
        """
        score = f"the {data.column}{' score' if data.task in _HAVE_SCORES else ''}"
        score = score if data.columns_are_scores else "the largest score"
        return self.heading.format(columns=data.columns, score=score)


#: By the names in `records.view.FACETS`. A new facet is a row there and a row here: picture, legend, control panel,
#: hover card, command line, API and sessions follow.
MATRIX_FACETS: Mapping[str, MatrixFacet] = {
    "activations": MatrixFacet(
        values=lambda features: features.mean,
        value="mean activation",
        heading="Mean activation, neurons × {columns}",
        brief="Activations",
    ),
    "contributions": MatrixFacet(
        values=lambda features: features.contribution,
        value="contribution",
        heading="Contribution to {score}",
        brief="Contributions",
        ends=("lowers −", "+ raises"),
    ),
}

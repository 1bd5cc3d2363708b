"""Results of the functions of `cnnvis_caffe.api`: pictures, tables and findings that show themselves in Jupyter."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.api.frame import records_of
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding
from cnnvis_caffe.text.plain import visible

if TYPE_CHECKING:
    import numpy as np

    from cnnvis_caffe.readings.tables import Cell
    from cnnvis_caffe.records.aggregation import Aggregation
    from cnnvis_caffe.records.prediction import Predictions
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.scene.shapes import Scene


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that shows itself.

    Attributes
    ----------
    scene : Scene
        What is drawn, as data: shapes with what they stand for.
    view : View or None
        What was chosen to see.
    aggregation : Aggregation or None
        Groups, clusters and biclusters, of the hybrid visualization.
    """

    scene: Scene
    view: View | None = None
    aggregation: Aggregation | None = None

    def save(self, path: str | os.PathLike[str], *, scale: float = 1.0) -> None:
        """Write it as .png, .svg, .pdf or .html.

        Parameters
        ----------
        path : str or path-like
        scale : float, default=1.0
            Pixels of a PNG for one of the picture.

        Raises
        ------
        CnnvisError
            If there is no such format, or cairo is missing that .png and .pdf need.
        """
        from cnnvis_caffe import pipeline

        pipeline.save(self.scene, path, scale=scale)

    def svg(self) -> str:
        """Return the picture as SVG, with its font."""
        from cnnvis_caffe.render.svg import scene_svg

        return scene_svg(self.scene)

    def _repr_svg_(self) -> str:
        """Show it in Jupyter, no wider than the page."""
        svg = self.svg()
        svg = svg[svg.index("<svg") :]
        return svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    def __repr__(self) -> str:
        return f"<Picture {self.scene.title!r}, {self.scene.width:.0f}x{self.scene.height:.0f}>"


@dataclass(frozen=True, eq=False)
class Table:
    """A table that shows itself; iterates over its rows as dicts.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        return (dict(zip(self.columns, row)) for row in self.rows)

    def __getitem__(self, column: str) -> list[Cell]:
        """Return a column as a list; UnknownNameError if there is none of that name."""
        if column not in self.columns:
            raise UnknownNameError("column", column, self.columns)
        return [row[self.columns.index(column)] for row in self.rows]

    def to_frame(self) -> Any:
        """Return the rows as a pandas.DataFrame where pandas is installed, else as a structured numpy array."""
        return records_of(self.columns, self.rows)

    def _texts(self) -> list[tuple[str, ...]]:
        """Rows as texts."""
        return [tuple(map(_text, row)) for row in self.rows]

    def _align(self) -> str:
        """One sign for each column: numbers to the right."""
        return "".join("<" if any(isinstance(value, str) for value in self[name]) else ">" for name in self.columns)

    def __str__(self) -> str:
        from cnnvis_caffe.text.tables import table

        lines = table([self.columns, *self._texts()], self._align())
        return "\n".join([self.title, "", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show it in Jupyter."""
        return _html_table(self.title, self.columns, self._texts(), self._align())


@dataclass(frozen=True, eq=False, repr=False)
class PredictedTable(Table):
    """What a network says about images: a table that shows itself, and all that is behind it.

    Attributes
    ----------
    predictions : Predictions
        Probabilities, classes and boxes as arrays; measures; the most uncertain and the most wrong images.
    masks : tuple of ndarray of shape (H, W), uint8
        For networks that give a class to each pixel: one an image, in the size of the network's output.
    """

    predictions: Predictions
    masks: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, eq=False)
class Patches:
    """Image patches that show themselves; a sequence of arrays.

    Attributes
    ----------
    images : tuple of ndarray of shape (h, w, 3), uint8
        RGB, the strongest first, grey where the receptive field lies outside the image.
    table : Table
        Of each: its rank, the index of its image in the data, the image's class, the response, and the box in pixels
        of the network's input (half open, not clipped).
    """

    images: tuple[np.ndarray, ...]
    table: Table

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rank: int) -> np.ndarray:
        """Return the patch of a rank."""
        return self.images[rank]

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        """Show them in Jupyter, with their classes and responses below."""
        import base64

        from cnnvis_caffe.formats.images import encode_image

        figures = []
        for patch, row in zip(self.images, self.table):
            data = base64.b64encode(encode_image(patch[..., ::-1], "png")).decode("ascii")
            text = _escape(f"{row['class'] or ''} {row['response']:.3g}")
            figures.append(
                f'<figure style="display: inline-block; margin: 4px; text-align: center">'
                f'<img style="height: 64px; image-rendering: pixelated" src="data:image/png;base64,{data}"/>'
                f"<figcaption>{text}</figcaption></figure>"
            )
        return f"<p>{_escape(self.table.title)}</p>{''.join(figures)}"


class Findings(tuple[Finding, ...]):
    """Findings that show themselves: a tuple of `Finding`, the severe ones first."""

    def to_frame(self) -> Any:
        """Return one row each: a pandas.DataFrame where pandas is installed, else a structured numpy array."""
        columns = ("kind", "severity", "title", "layer", "strength", "snapshot")
        return records_of(
            columns, [(f.kind, f.severity, f.title, f.places[0].node, f.strength, f.snapshot) for f in self]
        )

    def to_json(self) -> list[dict[str, object]]:
        """Return all of them as JSON holds them.

        Returns
        -------
        list of dict
            What ``cnnvis-caffe findings --json`` prints under ``findings``.
        """
        return [one.to_json() for one in self]

    def __repr__(self) -> str:
        marks = {"severe": "●", "mild": "○"}
        return "\n".join(f"{marks[one.severity]} {one.title}" for one in self) or "nothing stands out"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Show them in Jupyter."""
        rows = [(one.severity, one.title, one.explanation, one.suggestion) for one in self]
        return _html_table(f"{len(rows)} findings", ("", "what", "why it matters", "what to try"), rows, "<<<<")


class Report(dict[str, object]):
    """What `inspect` found, as a dict that shows itself."""

    def __repr__(self) -> str:
        from cnnvis_caffe.text.report import render

        return "\n".join(render(self))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Show it in Jupyter."""
        text = html.escape(visible(repr(self), has_lines=True))
        return f'<pre style="white-space: pre; overflow-x: auto">{text}</pre>'


class ShownAnalysis(Analysis):
    """An analysis that shows itself in a few lines; its record would show all of its nodes."""

    @classmethod
    def of(cls, analysis: Analysis) -> ShownAnalysis:
        """Return the same analysis.

        Parameters
        ----------
        analysis : Analysis
        """
        return cls(**{field.name: getattr(analysis, field.name) for field in fields(Analysis)})

    def _table(self) -> Table:
        from cnnvis_caffe.readings.tables import known

        rows = tuple((one.label, known(one.loss), known(one.error)) for one in self.snapshots)
        n_neurons = sum(len(one.mean) for one in self.snapshots[-1].features.values())
        title = (
            f"{self.title}: {n_neurons:,} neurons of {len(self.snapshots[-1].features)} layers "
            f"on {self.data.n_images:,} images of {self.data.source}"
        )
        return Table(title, ("snapshot", "loss", "error"), rows)

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def _escape(text: str) -> str:
    """Return text as it stands between two tags."""
    return html.escape(visible(text))


def _text(value: Cell) -> str:
    """A cell of a table: three digits of what is not a whole number."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table as HTML."""
    sides = [f' style="text-align: {"right" if side == ">" else "left"}; vertical-align: top"' for side in align]
    head = "".join(f"<th{side}>{_escape(name)}</th>" for name, side in zip(columns, sides))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{_escape(cell)}</td>" for cell, side in zip(row, sides)) + "</tr>" for row in rows
    )
    return f"<p>{_escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

"""The window's pictures: sketches, what is kept, what is prepared."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.viewer.model import pictures


def test_other_classes_are_sketched_in_the_places_of_before(lenet, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_LAYOUTS", 3)
    maker, before = pictures.PictureMaker(), pictures.PictureRequest(lenet, View())
    assert maker.sketch(before) is None
    first = maker(before)
    wanted = replace(before, view=View(classes=(1,)))
    assert maker.sketch(wanted) is None, "so few neurons are drawn at once"
    monkeypatch.setattr(pictures, "LEAST_SKETCHED", 0)
    sketch = maker.sketch(wanted)
    assert sketch is not None
    boxes = [{s.name: (s.x, s.y) for s in made.scene.shapes if s.name.endswith("/colour")} for made in (first, sketch)]
    assert boxes[0] and boxes[0] == boxes[1]
    whole = maker(wanted)
    assert [c.importance.tolist() for c in whole.aggregation.columns] == [
        c.importance.tolist() for c in sketch.aggregation.columns
    ]
    # Known places need no sketch, and another filter has none.
    assert maker.sketch(before) is None
    assert maker.sketch(replace(wanted, view=View(edge_filter=0.5))) is None
    for share in range(4):
        maker(replace(before, view=View(edge_filter=0.2 + 0.02 * share)))
    assert len(maker._pictures._scenes._layouts) <= 3


def test_a_legend_of_one_line_leaves_out_what_does_not_fit_and_says_so(lenet):
    maker = pictures.PictureMaker()
    heights, words = {}, {}
    for width in (300.0, 760.0, 2000.0):
        request = pictures.PictureRequest(lenet, View(), legend_width=width, legend_is_line=True)
        legend = maker(request).legend
        heights[width] = legend.height
        shapes = [shape for shape in legend.shapes if hasattr(shape, "text")]
        words[width] = [shape.text for shape in shapes]
        ends = [shape.x + text_width(shape.text, shape.size, shape.weight) for shape in shapes if shape.anchor != "end"]
        assert max(ends) <= width
    assert set(heights.values()) == {28.0}
    assert "more…" in words[300.0] and "more…" not in words[2000.0]
    assert {"positive", "9", "Classes"} <= set(words[2000.0]) and "9" not in words[300.0]

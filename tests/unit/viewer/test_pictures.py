"""The window's pictures: sketches, what is kept, what is prepared."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.records.view import View
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

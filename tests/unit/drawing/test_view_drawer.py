"""Pictures of an analysis: each from what the last ones left, and the same as if drawn alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.analyses import make_analysis

from cnnvis_caffe.drawing.pictures import ViewDrawer
from cnnvis_caffe.edits.kinds import ArrangeAnew
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.records.view import BiclusterMerge, NeuronMove, View
from cnnvis_caffe.scene.clock import Clock
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Target, Text

SIZE = (1200.0, 700.0)
VIEWS = (
    View(),
    View(facet="activations"),
    View(classes=(2, 5)),
    View(edge_filter=0.4),
    View(moves=(NeuronMove("relu1", 3, ()),)),
    View(facet="contributions", theme="dark", edges="gradient"),
    View(),
)


@pytest.fixture(scope="module")
def analysis():
    return make_analysis("lenet", seed=1)


def contents(scene):
    """What a scene shows, comparable."""
    found = []
    for shape in scene.shapes:
        arrays = {name: getattr(shape, name, None) for name in ("pixels", "points")}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        bare = replace(shape, **{name: np.zeros(0) for name in arrays})
        kept = tuple(value for name, value in vars(bare).items() if name not in ("pixels", "points"))
        found.append((type(shape).__name__, kept, *(array.tobytes() for array in arrays.values())))
    return found


def test_what_is_kept_changes_no_picture(analysis):
    pictures = ViewDrawer(analysis)
    for view in VIEWS:
        drawn, alone = pictures.draw(view, size=SIZE), ViewDrawer(analysis).draw(view, size=SIZE)
        assert contents(drawn.scene) == contents(alone.scene)


def places_of(scene, start):
    """Places of the rectangles whose names start so."""
    return {
        shape.name: (shape.x, shape.y, shape.width, shape.height)
        for shape in scene.shapes
        if isinstance(shape, (Rectangle, Bitmap)) and shape.name.startswith(start)
    }


@pytest.mark.parametrize("kind", ["lenet", "residual"])
def test_nothing_but_connections_moves_from_snapshot_to_snapshot(kind):
    trained = make_analysis(kind, n_snapshots=8 if kind == "lenet" else 2)
    pictures = ViewDrawer(trained)
    last = pictures.draw(View(), size=SIZE)
    neurons, clusters = places_of(last.scene, "neuron/"), places_of(last.scene, "cluster/")
    assert len(neurons) > 50 and len(clusters) > 10
    bars = set()
    for snapshot in trained.snapshots:
        drawn = pictures.draw(View(snapshot=snapshot.label), size=SIZE)
        assert places_of(drawn.scene, "cluster/") == clusters
        assert places_of(drawn.scene, "neuron/") == neurons
        assert (drawn.scene.width, drawn.scene.height) == (last.scene.width, last.scene.height)
        bars.add(tuple(sorted(places_of(drawn.scene, "bicluster/").items())))
    assert len(bars) == len(trained.snapshots)
    own = pictures.draw(View(clusters_of=trained.snapshots[0].label), size=SIZE)
    assert places_of(own.scene, "cluster/") != clusters


def edits_of(pictures):
    """A local edit of each kind, with the column that it touches and all gaps that it does."""
    drawn = pictures.draw(View(), size=SIZE)
    column = drawn.aggregation.column("relu1")
    first, second = (tuple(column.clusters[index].neurons.tolist()) for index in (0, 1))
    gap = next(gap for gap in drawn.aggregation.gaps if gap.target == "relu1")
    sides = [drawn.aggregation.column(node).clusters for node in (gap.source, gap.target)]

    def named(bundle):
        both = zip(sides, (bundle.sources, bundle.targets))
        return tuple(tuple(tuple(clusters[c].neurons.tolist()) for c in mine) for clusters, mine in both)

    one, other = [bundle for bundle in gap.biclusters if bundle.sign == gap.biclusters[0].sign][:2]
    merge = BiclusterMerge(gap.source, gap.target, one.sign, named(one), named(other))
    return {
        "moved": (View(moves=(NeuronMove("relu1", first[0], second),)), {first, second}),
        "new cluster": (View(moves=(NeuronMove("relu1", first[0], ()),)), {first}),
        "merged": (View(bicluster_edits=(merge,)), set()),
        "filter": (View(edge_filter=0.3), set()),
        "more": (View(edge_filter=1.0), set()),
    }


@pytest.mark.parametrize("kind", ["moved", "new cluster", "merged", "filter", "more"])
def test_what_an_edit_does_not_touch_stays_to_the_pixel(analysis, kind):
    pictures = ViewDrawer(analysis)
    view, touched = edits_of(pictures)[kind]

    def clusters(scene):
        return {
            shape.target.members + (shape.target.node,): (shape.x, shape.y, shape.width, shape.height)
            for shape in scene.shapes
            if shape.name.startswith("cluster/")
        }

    before, after = (pictures.draw(one, size=SIZE).scene for one in (View(), view))
    was, now = clusters(before), clusters(after)
    untouched = {key: box for key, box in was.items() if key[:-1] not in touched}
    assert len(untouched) == len(was) - len(touched) and len(was) > 10
    assert {key: now[key] for key in untouched} == untouched
    neurons = places_of(before, "neuron/")
    stay = {name: box for name, box in neurons.items() if not name.startswith("neuron/relu1/")}
    assert len(stay) > 30 and {name: places_of(after, "neuron/")[name] for name in stay} == stay
    boxes = list(now.values())
    for at, (x, y, width, height) in enumerate(boxes):
        assert not any(
            x < right + wide and right < x + width and y < down + high and down < y + height
            for right, down, wide, high in boxes[at + 1 :]
        )
    if kind in ("moved", "new cluster", "merged"):
        far = {n: b for n, b in places_of(before, "bicluster/").items() if n.startswith("bicluster/data-")}
        assert far and {name: places_of(after, "bicluster/")[name] for name in far} == far


def test_all_is_arranged_anew_when_asked(analysis):
    pictures = ViewDrawer(analysis)
    kept, anew = (pictures.draw(View(edge_filter=0.3, arrangement=name), size=SIZE).scene for name in ("kept", "anew"))
    assert places_of(kept, "cluster/") == places_of(pictures.draw(View(), size=SIZE).scene, "cluster/")
    assert places_of(anew, "cluster/") != places_of(kept, "cluster/")


def test_arranging_once_is_with_the_edits_so_far_and_later_ones_keep_it(analysis):
    pictures = ViewDrawer(analysis)
    filtered, (move, _) = View(edge_filter=0.3), edits_of(pictures)["new cluster"]
    asked = ArrangeAnew(0, 0, 0.3).apply(filtered)
    anew = pictures.draw(replace(filtered, arrangement="anew"), size=SIZE).scene
    once, moved = (pictures.draw(view, size=SIZE).scene for view in (asked, replace(asked, moves=move.moves)))
    assert places_of(once, "cluster/") == places_of(anew, "cluster/")
    stay = {name: box for name, box in places_of(once, "cluster/").items() if not name.startswith("cluster/relu1/")}
    assert stay and {name: places_of(moved, "cluster/")[name] for name in stay} == stay


def test_rows_of_matrices_stay_and_show_the_snapshot():
    trained = make_analysis("lenet", n_snapshots=5)
    pictures = ViewDrawer(trained)
    views = [View(snapshot=one.label, facet="activations") for one in trained.snapshots]
    scenes = [pictures.draw(view, size=SIZE).scene for view in views]
    matrices = [{s.name: s for s in scene.shapes if isinstance(s, Bitmap) and s.rows} for scene in scenes]
    for name, last in matrices[-1].items():
        assert all((one[name].rows, one[name].columns) == (last.rows, last.columns) for one in matrices)
    assert any((one.pixels != matrices[-1][name].pixels).any() for name, one in matrices[0].items())


def test_a_colour_means_the_same_in_every_snapshot_and_with_every_filter():
    trained = make_analysis("lenet", n_snapshots=3)
    pictures = ViewDrawer(trained)
    colours: dict[float, set] = {}
    for label in ("iter 1000", "iter 3000"):
        drawn = pictures.draw(View(snapshot=label, facet="activations"), size=SIZE)
        mean = trained.snapshot(label).features["relu1"].mean
        for matrix in drawn.scene.shapes:
            is_matrix = isinstance(matrix, Bitmap) and matrix.rows and not matrix.name.endswith("/overview")
            if is_matrix and matrix.target.node == "relu1":
                for row, neuron in enumerate(matrix.rows):
                    for place, which in enumerate(matrix.columns):
                        colours.setdefault(round(float(mean[neuron, which]), 3), set()).add(
                            int(matrix.pixels[row, place, 0])
                        )
    assert len(colours) > 20
    shades = [max(colours[value]) for value in sorted(colours)]
    assert max(max(found) - min(found) for found in colours.values()) <= 3
    assert shades[0] > shades[-1]
    spans = {
        s.text
        for share in (0.3, 0.9)
        for label in ("iter 1000", "iter 3000")
        for s in pictures.draw(View(snapshot=label, edges="gradient", edge_filter=share), size=SIZE).scene.shapes
        if isinstance(s, Text) and s.text.startswith(("≤", "≥"))
    }
    assert len(spans) == 2


def test_the_widest_curves_do_not_grow_when_the_filter_lets_less_through(analysis):
    def widths(share):
        geometry = ViewDrawer(analysis).draw(View(edge_filter=share), size=SIZE).layout.geometry
        return {
            (stroke.link, stroke.is_source, stroke.cluster, stroke.bundle): stroke.width for stroke in geometry.strokes
        }

    few, many = widths(0.05), widths(1.0)
    assert max(few.values()) <= max(many.values()) <= 7.0


def test_the_legend_says_whose_sizes_are_shown():
    trained = make_analysis("lenet", n_snapshots=3)
    scene = ViewDrawer(trained).draw(View(snapshot="iter 1000", clusters_of="iter 2000"), size=SIZE).scene
    texts = [shape.text for shape in scene.shapes if isinstance(shape, Text)]
    assert "mean activation, iter 2000" in texts


def test_the_same_view_is_aggregated_once(analysis):
    pictures = ViewDrawer(analysis)
    first = pictures.draw(View(), size=SIZE)
    again = pictures.draw(View(), size=SIZE, selection=Target("column", first.aggregation.columns[1].node))
    assert again.aggregation is first.aggregation
    assert again.layout.geometry is first.layout.geometry


def test_a_selected_neuron_has_its_own_curves(analysis):
    pictures = ViewDrawer(analysis)
    node = pictures.aggregate(View()).columns[1].node
    drawn = pictures.draw(View(), size=SIZE, selection=Target("neuron", node, (4,)))
    assert any(shape.name.startswith("own/") for shape in drawn.scene.shapes)


def test_the_clock_knows_all_stages(analysis):
    clock = Clock()
    ViewDrawer(analysis).draw(View(), size=SIZE, clock=clock)
    assert list(clock.wall) == list(clock.cpu) == ["aggregate", "lay out", "draw"]


def test_the_legend_alone_is_as_wide_as_asked_for(analysis):
    legend = ViewDrawer(analysis).legend(View(), size=(640.0, 500.0))
    assert legend.width == 640 and 0 < legend.height < 200
    assert legend.shapes and not any(isinstance(shape, Bitmap) for shape in legend.shapes)


def test_an_unknown_snapshot_is_an_error(analysis):
    with pytest.raises(UnknownNameError, match="nowhere"):
        ViewDrawer(analysis).draw(View(snapshot="nowhere"))

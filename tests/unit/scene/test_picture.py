"""The hybrid visualization, by its shapes: nothing overlaps, nothing is cut, everything stands for something."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.readings.scales import Scales
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.picture import draw_scene, lay_out
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Target, Text
from cnnvis_caffe.scene.theme import OPACITY, THEMES
from tests.helpers.analyses import make_analysis, with_features

SIZE = (1600.0, 900.0)
CASES = {
    "lenet": View(n_clusters=4),
    "deep": View(n_clusters=5),
    "inception": View(n_clusters=3, expanded=("inception_3a",)),
    "residual": View(n_clusters=3, expanded=("res2a",)),
}


@pytest.fixture(scope="module")
def known():
    """Analyses, aggregations and one cache, each made once."""
    made = {}

    def get(kind: str, view: View | None = None):
        view = CASES[kind] if view is None else view
        if kind not in made:
            made[kind] = make_analysis(kind, top=3)
        if (kind, view) not in made:
            made[kind, view] = aggregate(made[kind], view)
        return made[kind], made[kind, view], view, made.setdefault("cache", SceneCache())

    return get


def build_scene(analysis, aggregation, view, *, size=SIZE, cache=None, selection=None, relations=None, **shown):
    """The scene of a view, laid out and drawn."""
    cache = SceneCache() if cache is None else cache
    laid_out = lay_out(analysis, aggregation, view, size=size, cache=cache, scales=Scales(analysis), **shown)
    return draw_scene(laid_out, selection=selection, relations=relations, **shown)


@pytest.fixture(scope="module")
def scene_of(known):
    def get(kind: str, view: View | None = None, **more):
        analysis, aggregation, view, cache = known(kind, view)
        return build_scene(analysis, aggregation, view, cache=cache, **more)

    return get


def boxes(shapes) -> np.ndarray:
    return np.array([(s.x, s.y, s.x + s.width, s.y + s.height) for s in shapes])


def overlaps(found: np.ndarray, slack: float = 1e-6) -> list[tuple[int, int]]:
    low = np.maximum(found[:, None, :2], found[None, :, :2])
    high = np.minimum(found[:, None, 2:], found[None, :, 2:])
    common = ((high - low) > slack).all(axis=2)
    return [tuple(pair) for pair in np.argwhere(np.triu(common, 1)).tolist()]


def text_boxes(texts) -> np.ndarray:
    found = []
    for text in texts:
        width = text_width(text.text, text.size, text.weight)
        left = text.x - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
        found.append((left, text.y - 0.73 * text.size, left + width, text.y))
    return np.array(found)


def visible(scene, zoom: float = 1.0):
    return [shape for shape in scene.shapes if shape.min_zoom <= zoom < shape.max_zoom]


@pytest.mark.parametrize("facet", ["features", "activations"])
@pytest.mark.parametrize("kind", CASES)
class TestGeometry:
    def test_clusters_and_bars_do_not_overlap(self, scene_of, kind, facet):
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        solid = [s for s in scene.shapes if s.name.startswith(("cluster/", "bicluster/"))]
        assert len(solid) > 10
        assert overlaps(boxes(solid)) == []

    def test_everything_lies_in_the_picture(self, scene_of, kind, facet):
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        for shape in scene.shapes:
            if isinstance(shape, (Rectangle, Bitmap)):
                assert shape.x >= 0 and shape.x + shape.width <= scene.width
                assert shape.y >= 0 and shape.y + shape.height <= scene.height
            elif isinstance(shape, Path):
                assert (shape.points >= 0).all()
                assert (shape.points <= (scene.width, scene.height)).all()

    def test_text_is_whole_and_apart(self, scene_of, kind, facet):
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        texts = [shape for shape in visible(scene) if isinstance(shape, Text)]
        found = text_boxes(texts)
        assert (found[:, :2] >= 0).all() and (found[:, 2:] <= (scene.width, scene.height)).all()
        assert [(texts[a].name, texts[b].name) for a, b in overlaps(found, 0.5)] == []
        assert min(text.size for text in texts) >= 9

    def test_contents_lie_in_their_cluster(self, scene_of, known, kind, facet):
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        frames = {s.target.node + str(s.target.members): s for s in scene.shapes if s.name.startswith("cluster/")}
        by_neuron = {(f.target.node, neuron): f for f in frames.values() for neuron in f.target.members}
        solid = [s for s in scene.shapes if isinstance(s, (Rectangle, Bitmap))]
        inside = [s for s in solid if s.name.startswith(("neuron/", "matrix/"))]
        assert inside
        for shape in inside:
            frame = by_neuron[shape.target.node, shape.target.members[0]]
            assert frame.x <= shape.x and shape.x + shape.width <= frame.x + frame.width + 1e-6
            assert frame.y <= shape.y and shape.y + shape.height <= frame.y + frame.height + 1e-6
        patches = [s for s in inside if isinstance(s, Bitmap) and s.name.startswith("neuron/")]
        if facet == "features":
            assert overlaps(boxes(patches)) == []

    def test_names_are_unique(self, scene_of, kind, facet):
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        assert [name for name, times in Counter(s.name for s in scene.shapes).items() if times > 1] == []

    def test_every_kept_edge_is_drawn(self, scene_of, known, kind, facet):
        _, aggregation, _, _ = known(kind)
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        curves = [s for s in scene.shapes if isinstance(s, Path) and s.target and s.target.kind == "edge"]
        for gap in aggregation.gaps:
            mine = [c.target for c in curves if (c.target.node, c.target.other_node) == (gap.source, gap.target)]
            sources = aggregation.column(gap.source).clusters
            targets = aggregation.column(gap.target).clusters
            for bicluster, index in ((b, i) for i, b in enumerate(gap.biclusters)):
                for source, target in bicluster.edges:
                    ends = (set(sources[source].neurons.tolist()), set(targets[target].neurons.tolist()))
                    of_bundle = [t for t in mine if t.index == index and t.sign == bicluster.sign]
                    assert any(set(t.members) == ends[0] and ends[1] <= set(t.other_members) for t in of_bundle)
                    assert any(set(t.other_members) == ends[1] and ends[0] <= set(t.members) for t in of_bundle)

    def test_every_cluster_head_and_bar_answers(self, scene_of, known, kind, facet):
        _, aggregation, _, _ = known(kind)
        scene = scene_of(kind, replace(CASES[kind], facet=facet))
        targets = [s.target for s in scene.shapes if s.target]
        heads = {t.node for t in targets if t.kind == "column"}
        assert heads == {column.node for column in aggregation.columns}
        clusters = {(t.node, t.members) for t in targets if t.kind == "cluster"}
        assert clusters >= {(c.node, tuple(k.neurons.tolist())) for c in aggregation.columns for k in c.clusters}
        assert sum(t.kind == "bicluster" for t in targets) == sum(len(g.biclusters) for g in aggregation.gaps)


def places_of(scene, prefix):
    return {s.name: (s.x, s.y, s.width, s.height) for s in scene.shapes if s.name.startswith(prefix)}


@pytest.mark.parametrize("change", [{"facet": "activations"}, {"facet": "contributions"}, {"theme": "dark"}], ids=str)
def test_facets_and_themes_move_nothing(scene_of, change):
    before, after = scene_of("lenet"), scene_of("lenet", replace(CASES["lenet"], **change))
    assert (before.width, before.height) == (after.width, after.height)
    assert {s.name for s in before.shapes if s.name.startswith("head/")} <= {s.name for s in after.shapes}
    assert places_of(before, "cluster/") == places_of(after, "cluster/")
    assert places_of(before, "bicluster/") == places_of(after, "bicluster/")


def test_the_same_picture_twice(known):
    analysis, aggregation, view, _ = known("lenet")
    first = build_scene(analysis, aggregation, view)
    second = build_scene(analysis, aggregation, view, cache=SceneCache())
    assert [s.name for s in first.shapes] == [s.name for s in second.shapes]


def test_an_aggregation_made_anew_finds_what_is_kept(known):
    analysis, aggregation, view, _ = known("lenet")
    cache = SceneCache()
    first = lay_out(analysis, aggregation, view, size=SIZE, cache=cache, scales=Scales(analysis))[0].geometry
    again = lay_out(analysis, aggregate(analysis, view), view, size=SIZE, cache=cache, scales=Scales(analysis))[
        0
    ].geometry
    assert again is first


def test_matrices_answer_for_their_cells(scene_of, known):
    analysis, aggregation, _, _ = known("lenet")
    scene = scene_of("lenet", replace(CASES["lenet"], facet="activations"))
    seen = set()
    for matrix in (s for s in scene.shapes if isinstance(s, Bitmap) and s.name.startswith("matrix/")):
        assert matrix.pixels.shape[:2] == (len(matrix.rows), len(matrix.columns))
        if not matrix.name.endswith("/overview"):
            assert sorted(matrix.rows) == list(matrix.target.members)
            assert sorted(matrix.columns) == list(range(10))
            seen |= {(matrix.target.node, neuron) for neuron in matrix.rows}
    assert seen == {(c.node, n) for c in aggregation.columns if c.node != "data" for n in range(len(c.labels))}


def test_silent_neurons_stand_out(known):
    analysis, _, view, _ = known("lenet")
    features = analysis.snapshots[-1].features["relu1"]
    mean = np.where(np.arange(500)[:, None] == 7, np.float32(0), features.mean)
    changed = with_features(analysis, "relu1", mean=mean.astype(np.float32))
    aggregation = aggregate(changed, view)
    scene = build_scene(changed, aggregation, replace(view, facet="activations"))
    row = next(
        s.pixels[s.rows.index(7)]
        for s in scene.shapes
        if isinstance(s, Bitmap) and 7 in s.rows and s.target.node == "relu1" and not s.name.endswith("overview")
    )
    assert (row == 255).all()


def test_chosen_classes_leave_the_rest_translucent(scene_of, known):
    view = replace(CASES["lenet"], classes=(3, 5))
    _, aggregation, _, _ = known("lenet", view)
    scene = scene_of("lenet", view)
    for column in aggregation.columns[1:]:
        assert 0 < column.strong.sum() < len(column.strong)
        for shape in scene.shapes:
            if isinstance(shape, Bitmap) and shape.name.startswith(f"neuron/{column.node}/"):
                assert shape.opacity == (1.0 if column.strong[shape.target.members[0]] else OPACITY.weak)
    edges = [s.style.opacity for s in scene.shapes if isinstance(s, Path) and s.target and s.target.kind == "edge"]
    assert min(edges) == OPACITY.faded < OPACITY.edge < max(edges)


def test_a_selected_neuron_has_its_own_curves(scene_of, known):
    _, aggregation, _, _ = known("lenet")

    def relations(source, target):
        shape = len(aggregation.column(target).labels), len(aggregation.column(source).labels)
        return np.random.default_rng(0).normal(size=shape)

    scene = scene_of("lenet", selection=Target("neuron", "conv2", (17,)), relations=relations)
    own = [s for s in scene.shapes if isinstance(s, Path) and s.name.startswith("own/") and s.name.count("/") == 4]
    assert {(s.target.node, s.target.other_node) for s in own} == {("conv1", "conv2"), ("conv2", "relu1")}
    assert all(17 in (s.target.members if s.target.node == "conv2" else s.target.other_members) for s in own)
    assert scene.shapes[-1].name == "selection/conv2/17"
    others = [s for s in scene.shapes if s.name.startswith("edge/")]
    assert {s.style.opacity for s in others} == {OPACITY.faded}


def test_own_curves_begin_and_end_at_clusters(scene_of, known):
    _, aggregation, _, _ = known("lenet")

    def relations(source, target):
        return np.ones((len(aggregation.column(target).labels), len(aggregation.column(source).labels)))

    scene = scene_of("lenet", selection=Target("neuron", "conv2", (17,)), relations=relations)
    frames = [s for s in scene.shapes if s.name.startswith("cluster/")]
    frame_of = {(f.target.node, neuron): f for f in frames for neuron in f.target.members}
    own = [s for s in scene.shapes if isinstance(s, Path) and s.name.startswith("own/") and s.name.count("/") == 4]
    assert own
    for path in own:
        source = frame_of[path.target.node, path.target.members[0]]
        target = frame_of[path.target.other_node, path.target.other_members[0]]
        assert path.points[0, 0] == pytest.approx(source.x + source.width)
        assert path.points[-1, 0] == pytest.approx(target.x)


def test_clusters_are_hardly_wider_than_what_they_show(scene_of, known):
    scene = scene_of("lenet")
    patches = [s for s in scene.shapes if s.name.startswith("neuron/") and s.name.endswith("/colour")]
    for node in ("conv1", "conv2", "relu1"):
        frames = [s for s in scene.shapes if s.name.startswith(f"cluster/{node}/")]
        widest = max(frame.width for frame in frames)
        for frame in frames:
            mine = [s for s in patches if s.target.node == node and s.target.members[0] in frame.target.members]
            shown = max(s.x + s.width for s in mine) - min(s.x for s in mine)
            assert frame.width <= max(shown + 12, 0.51 * widest, 73) or shown > 0.6 * widest


def test_matrices_tell_all_classes_apart_when_some_are_chosen(scene_of):
    scene = scene_of("lenet", replace(CASES["lenet"], facet="activations", classes=(3, 5)))
    dots = [s for s in scene.shapes if s.name.startswith("legend/classes") and isinstance(s, Rectangle)]
    assert len(dots) == 10
    scene = scene_of("lenet", replace(CASES["lenet"], classes=(3, 5)))
    dots = [s for s in scene.shapes if s.name.startswith("legend/classes") and isinstance(s, Rectangle)]
    assert len(dots) == 2


def test_a_selected_cluster_keeps_its_edges(scene_of, known):
    _, aggregation, _, _ = known("lenet")
    members = tuple(aggregation.column("conv2").clusters[0].neurons.tolist())
    scene = scene_of("lenet", selection=Target("cluster", "conv2", members, index=0))
    for edge in (s for s in scene.shapes if s.name.startswith("edge/")):
        ends = set(edge.target.members if edge.target.node == "conv2" else edge.target.other_members)
        joined = "conv2" in (edge.target.node, edge.target.other_node) and ends & set(members)
        assert (edge.style.opacity > OPACITY.edge) == bool(joined)


@pytest.mark.parametrize("theme", THEMES)
def test_edges_show_a_quantity_in_cividis(scene_of, theme):
    scene = scene_of("lenet", replace(CASES["lenet"], edges="gradient", theme=theme))
    colours = {s.style.stroke for s in scene.shapes if s.name.startswith("edge/")}
    assert len(colours) > 3
    assert not colours & {THEMES[theme].positive, THEMES[theme].negative}
    assert any("gradient" in s.text for s in scene.shapes if isinstance(s, Text) and s.name.startswith("legend/"))


def test_a_missing_quantity_is_said(scene_of):
    scene = scene_of("lenet", replace(CASES["lenet"], edges="relative_change"))
    assert any("no numbers for the relative change" in note for note in scene.notes)


def test_small_patches_become_colours(scene_of):
    scene = scene_of("lenet")
    patches = [s for s in scene.shapes if isinstance(s, Bitmap) and s.name.startswith("neuron/")]
    colours = {s.name for s in scene.shapes if s.name.endswith("/colour")}
    assert min(patch.min_zoom for patch in patches) < 0.5
    for patch in patches:
        least = min(patch.width, patch.height) + 2  # with its frame and half the gaps around
        assert patch.min_zoom == pytest.approx(12 / least, rel=0.001)
        assert f"{patch.name}/colour" in colours


def test_a_single_cluster_may_show_something_else(scene_of, known):
    _, aggregation, _, _ = known("lenet")
    members = tuple(aggregation.column("conv2").clusters[0].neurons.tolist())
    scene = scene_of("lenet", replace(CASES["lenet"], facets=(("conv2", members, "activations"),)))
    matrices = [s for s in scene.shapes if s.name.startswith("matrix/")]
    assert {s.target.members for s in matrices} == {members}


def test_title_and_legend_can_be_left_out(scene_of):
    scene = scene_of("lenet", has_title=False, has_legend=False)
    assert not [s.name for s in scene.shapes if s.name.startswith(("title", "legend"))]

"""Every colour, size and distance of the picture, in its two themes. Nothing else writes a number of this kind down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from cnnvis_caffe.scene.colour_maps import ColourMap

#: Sizes in scene units, pixels at zoom 1; multiples of the base grid where they are distances.
SIZES = SimpleNamespace(
    grid=4.0,
    margin=24.0,  # between the picture and the edge of the paper
    title=18.0,  # sizes of type
    head=13.0,
    overview=22.0,  # heads in a picture that is shown small
    text=12.0,
    small=11.0,
    tiny=9.0,
    title_height=56.0,  # of the strip with the title
    head_height=34.0,  # name, then type and number of neurons
    pill_height=16.0,  # under the head of a group of layers
    head_gap=8.0,
    legend_row=46.0,  # a heading over its symbols
    legend_line=22.0,  # a heading before them
    legend_gap=32.0,
    legend_top=16.0,
    legend_room=92.0,  # kept free at least, so that other facets fit
    open_group_height=20.0,
    corner=4.0,  # clusters
    border=1.0,
    padding=4.0,
    label_height=16.0,  # the line over the patches of a cluster
    patch_gap=1.0,
    frame=0.5,  # of the line around patches that stays free
    patch_min=12.0,  # smaller ones are shown as their mean colour
    patch_aim=18.0,  # mean side when not all neurons of a cluster are shown
    patch_least_mean=14.0,  # smaller on average, and not all are shown
    importance_floor=0.02,  # of the largest importance of a cluster
    patch_most=64.0,  # mean side that they get at most
    patch_largest=88.0,  # side of the most important one at most: then the least ones are seen as images too
    named_outputs=20.0,  # as many outputs at most have their class's name written on them
    output_least=60.0,  # side of their patches
    output_most=88.0,
    cluster_gap=12.0,
    cluster_min=40.0,  # height
    cluster_narrow=0.5,  # width of the narrowest clusters by their column's
    cluster_nearly=0.8,  # from here on they have all of it
    column_min=72.0,
    column_most=340.0,
    column_scroll=108.0,  # mean width in a picture that is wider than wished for anyhow
    column_gap=112.0,
    column_gap_min=96.0,
    column_gap_most=160.0,
    column_gap_widest=220.0,  # where columns have no use for the room
    column_stretch=1.6,  # how much wider columns may become to fill a size
    column_height=640.0,  # of a picture whose size nobody said
    column_height_least=360.0,
    lane_gap=20.0,
    tile=36.0,  # input channels
    bar_width=5.0,  # biclusters
    bar_gap=4.0,
    edge_own_min=0.75,  # a selected neuron's own
    edge_own_most=3.0,
    selection=2.0,
    swatch=10.0,
)

#: How opaque things are.
OPACITY = SimpleNamespace(edge=0.35, highlighted=0.95, faded=0.08, weak=0.22)

#: Okabe and Ito's eight colours, then two greys: classes, as long as there are not more than ten.
CLASS_COLOURS = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#000000", "#999999", "#5A6068",
)  # fmt: skip

#: Cividis (Nuñez, Anderton and Renslow 2018) at 17 equal steps.
CIVIDIS = (
    "#00224E", "#002E6A", "#1A386F", "#32436D", "#434E6C", "#535A6D", "#61656F", "#6F7073", "#7D7C78",
    "#8C8878", "#9B9476", "#ABA072", "#BCAE6C", "#CDBB63", "#DEC958", "#F0D846", "#FEE838",
)  # fmt: skip

#: From blue over grey to yellow like cividis, with its dark end lifted: seen on a dark ground at `quantity_opacity`.
LIFTED_CIVIDIS = ("#6A8FD8", "#8C9DBF", "#A8A8A0", "#C6B97E", "#E3CF5E", "#FEE838")


@dataclass(frozen=True)
class Theme:
    """The colours of one theme; "#RRGGBB" each.

    Attributes
    ----------
    name : {"light", "dark"}
    ground, surface, line, ink, muted : str
        Behind everything; of clusters; of their borders; of text; of less important text.
    positive, negative, neutral : str
        Signs of weights and what has none.
    selection : str
    dead : str
        The cross over neurons without any response.
    frame : str
        Around patches, so that white ones have an end.
    activation : ColourMap
        Zero is exactly the surface that matrices lie on.
    contribution : ColourMap
        From negative over the surface, at 0.5, to positive.
    quantity : ColourMap
        Gradient and relative change.
    order : ColourMap
        Lines of a chart from the first to the last snapshot.
    classes : tuple of str
    channels : dict of str to str
        By the letter of the channel.
    on_channel : str
        Text on these.
    lit : str
        Glow of what an image drives.
    quantity_opacity : float
        Of edges that show a quantity, whose colours must be told apart.
    """

    name: str
    ground: str
    surface: str
    line: str
    ink: str
    muted: str
    positive: str
    negative: str
    neutral: str
    selection: str
    dead: str
    frame: str
    activation: ColourMap
    contribution: ColourMap
    quantity: ColourMap
    order: ColourMap
    classes: tuple[str, ...]
    channels: dict[str, str]
    on_channel: str
    lit: str
    quantity_opacity: float = 0.7

    def sign(self, sign: int) -> str:
        """Return the colour of a sign: 1, -1 or 0."""
        return (self.neutral, self.positive, self.negative)[sign]

    def class_colours(self, classes: Sequence[int]) -> dict[int, str]:
        """Return the colours of classes; of none when they are more than ten, which their labels tell apart."""
        return dict(zip(classes, self.classes)) if len(classes) <= len(self.classes) else {}


LIGHT = Theme(
    name="light",
    ground="#FBFBFA",
    surface="#FFFFFF",
    line="#D9DCE1",
    ink="#1E2329",
    muted="#68707C",
    positive="#0072B2",
    negative="#D55E00",
    neutral="#8A9099",
    selection="#E69F00",
    dead="#B4BAC4",
    frame="#D9DCE1",
    activation=ColourMap(("#FFFFFF", "#E3EEF9", "#BFD8ED", "#8CBCDF", "#549ECE", "#2A7AB9", "#08519C")),
    contribution=ColourMap(("#A34700", "#D55E00", "#F0A878", "#FFFFFF", "#7FB8D8", "#0072B2", "#00507D")),
    quantity=ColourMap(CIVIDIS),
    order=ColourMap(("#D8A31A", "#B86A92", "#004F8F")),
    classes=CLASS_COLOURS,
    channels={"R": "#C2484D", "G": "#3A8250", "B": "#4670BC", "grey": "#6C737D"},
    on_channel="#FFFFFF",
    lit="#0072B2",
)

DARK = Theme(
    name="dark",
    ground="#17191D",
    surface="#1F2228",
    line="#363B44",
    ink="#E7EAEE",
    muted="#98A1AE",
    positive="#4AA8E0",
    negative="#F08A4B",
    neutral="#8A9099",
    selection="#E69F00",
    dead="#59606C",
    frame="#363B44",
    activation=ColourMap(("#1F2228", "#25384D", "#2F5578", "#4076A3", "#5E98C8", "#7DB3E0", "#9CC9F5")),
    contribution=ColourMap(("#FFB183", "#F08A4B", "#8A5636", "#1F2228", "#2F6485", "#4AA8E0", "#8CCBF0")),
    quantity=ColourMap(LIFTED_CIVIDIS),
    order=ColourMap(("#8A6D1F", "#C060A8", "#7CC8FF")),
    classes=(*CLASS_COLOURS[:7], "#E7EAEE", *CLASS_COLOURS[8:9], "#6C7480"),
    channels={"R": "#E07478", "G": "#6BB87E", "B": "#6F98DC", "grey": "#8A9099"},
    on_channel="#17191D",
    lit="#FFD84A",
)

THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_named(name: str) -> Theme:
    """Return a theme; KeyError for a name that is none."""
    return THEMES[name]

"""Lists every action by name, with its menu, key and words: menus, the toolbar and the help come from here."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ActionSpec:
    """An action.

    Attributes
    ----------
    name : str
        By which `window.commands` says what it does.
    text : str
    keys : tuple of str
    tip : str
        A sentence for the status line and the help.
    needs : str
        What must be there: "", "analysis", "selection", "neuron", "cluster", "page", "bicluster", "group", "snapshots",
        "candidates" (of the group, to stand for it), "other_clusters" (than those of the snapshot shown).
    icon : str
    is_checkable : bool
    starts : bool
        Whether a line stands above it in its menu.
    menu : str
    """

    name: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    needs: str = "analysis"
    icon: str = ""
    is_checkable: bool = False
    starts: bool = False
    menu: str = ""


_BY_MENU = {
    "File": (
        ActionSpec("open_file", "Open…", ("Ctrl+O",), "Open an analysis file or a session", "", "open"),
        ActionSpec(
            "open_model", "Analyse a model…", ("Ctrl+M",), "Run data through a trained model and look at it", ""
        ),
        ActionSpec("open_demo", "Open the demo", (), "A small network on handwritten digits", ""),
        ActionSpec("save_session", "Save session…", ("Ctrl+S",), "Keep the view with all edits in a file", starts=True),
        ActionSpec("open_session", "Open session…", ("Ctrl+Shift+O",), "Do the edits of a file on this analysis"),
        ActionSpec(
            "export_picture",
            "Export picture…",
            ("Ctrl+E",),
            "Write the picture as PNG, SVG or PDF",
            icon="export",
            starts=True,
        ),
        ActionSpec(
            "export_table",
            "Export table…",
            ("Ctrl+Shift+E",),
            "Write the numbers of what is selected as CSV",
            "selection",
        ),
        ActionSpec(
            "export_patches",
            "Export patches…",
            (),
            "Write the learned features of what is selected as one picture",
            "selection",
        ),
        ActionSpec(
            "export_neurons",
            "Export table of neurons…",
            (),
            "Write the rows of the table of neurons that are selected, or all of them, as CSV, JSON or npz",
        ),
        ActionSpec("close_analysis", "Close analysis", ("Ctrl+W",), "Go back to the start page", starts=True),
        ActionSpec("quit", "Quit", ("Ctrl+Q",), "End the program", ""),
    ),
    "Edit": (
        ActionSpec("undo", "Undo", ("Ctrl+Z",), "Take the last change back", icon="undo"),
        ActionSpec("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do again what was taken back", icon="redo"),
        ActionSpec("copy_picture", "Copy picture", ("Ctrl+C",), "Copy the picture as it is seen", starts=True),
        ActionSpec(
            "copy_table",
            "Copy table",
            ("Ctrl+Shift+C",),
            "Copy the numbers of what is selected, for a spreadsheet",
            "selection",
        ),
        ActionSpec("find", "Find layer or neuron", ("Ctrl+F", "/"), "By name or number", starts=True, icon="search"),
        ActionSpec(
            "select_nothing",
            "Select what is around it",
            ("Escape",),
            "From a neuron to its cluster, its layer, nothing",
            "selection",
        ),
        ActionSpec(
            "select_inside",
            "Select what is in it",
            ("I",),
            "From a layer to a cluster, from there to a neuron",
            "selection",
        ),
    ),
    "View": (
        ActionSpec("facet_features", "Learned features", ("1",), "Show all clusters by their learned features"),
        ActionSpec("facet_activations", "Activations", ("2",), "Show all clusters as matrices of neurons and classes"),
        ActionSpec("facet_contributions", "Contributions", ("3",), "Show what neurons add to the scores of classes"),
        ActionSpec(
            "edges_weight", "Edges by weight", ("W",), "Colour connections by the sign of their weights", starts=True
        ),
        ActionSpec("edges_gradient", "Edges by gradient", ("G",), "Colour connections by the gradient of the loss"),
        ActionSpec(
            "edges_relative_change", "Edges by relative change", ("R",), "Colour connections by how much they changed"
        ),
        ActionSpec("fewer_edges", "Fewer edges", (",",), "Show only stronger connections"),
        ActionSpec("more_edges", "More edges", (".",), "Show weaker connections too"),
        ActionSpec(
            "fit", "Show everything", ("F", "Ctrl+0"), "Fit the whole picture into the window", icon="fit", starts=True
        ),
        ActionSpec("go_to_selection", "Show the selection", ("Z",), "Zoom to what is selected", "selection"),
        ActionSpec("zoom_in", "Zoom in", ("+", "Ctrl++", "Ctrl+="), "Make the picture larger", icon="zoom_in"),
        ActionSpec("zoom_out", "Zoom out", ("-", "Ctrl+-"), "Make the picture smaller", icon="zoom_out"),
        ActionSpec("actual_size", "Actual size", ("0",), "One pixel for one unit of the picture"),
        ActionSpec("minimap", "Minimap", ("Shift+M",), "Show where on the picture one is", "", is_checkable=True),
        ActionSpec("dark_theme", "Dark theme", ("T",), "Light or dark", "", "theme", is_checkable=True, starts=True),
        ActionSpec("reduced_motion", "Reduced motion", (), "Nothing glides", "", is_checkable=True),
        ActionSpec("full_screen", "Full screen", ("F11",), "Use the whole screen", "", is_checkable=True),
        ActionSpec("reset_layout", "Reset window layout", (), "Put all docks back in their places", ""),
    ),
    "Network": (
        ActionSpec(
            "toggle_group",
            "Expand or collapse group",
            ("E",),
            "Show the layers of a group, or the one that stands for it",
            "group",
        ),
        ActionSpec("expand_all", "Expand all groups", ("Shift+E",), "Show every layer"),
        ActionSpec("collapse_all", "Collapse all groups", ("Shift+C",), "Show one layer of each group"),
        ActionSpec(
            "next_representative",
            "Let the next layer stand for the group",
            ("V",),
            "Show a collapsed group by another of its layers",
            "candidates",
        ),
        ActionSpec(
            "new_cluster",
            "New cluster of the selection",
            ("N",),
            "Put the selected neuron into a cluster of its own",
            "neuron",
            starts=True,
        ),
        ActionSpec(
            "cluster_features",
            "This cluster: features",
            ("Shift+1",),
            "Show one cluster by its learned features",
            "cluster",
        ),
        ActionSpec(
            "cluster_activations", "This cluster: activations", ("Shift+2",), "Show one cluster as a matrix", "cluster"
        ),
        ActionSpec(
            "cluster_contributions",
            "This cluster: contributions",
            ("Shift+3",),
            "Show one cluster's contributions",
            "cluster",
        ),
        ActionSpec(
            "merge_bundles",
            "Merge with the next bundle",
            ("M",),
            "Draw two biclusters as one",
            "bicluster",
            starts=True,
        ),
        ActionSpec(
            "split_bundle", "Split the bundle", ("S",), "Draw a bicluster as one for each of its targets", "bicluster"
        ),
        ActionSpec(
            "arrange_anew",
            "Arrange anew",
            ("Shift+R",),
            "Order clusters and bundles again after edits, for fewest crossings; later edits keep that order",
        ),
        ActionSpec(
            "open_page",
            "Open its page",
            ("P",),
            "Everything about the selected neuron, cluster or layer, or about several neurons beside each other",
            "page",
            starts=True,
        ),
        ActionSpec(
            "neuron_table",
            "Table of neurons",
            ("Ctrl+T",),
            "Which neurons matter for the chosen classes: sort, filter, select, export",
        ),
        ActionSpec(
            "image_page",
            "Try an image",
            ("Ctrl+I",),
            "Put an image of your own into the network: what it says, which neurons respond, and why",
        ),
        ActionSpec(
            "mistakes",
            "Where it errs",
            ("Ctrl+R",),
            "What is taken for what, how each class is answered, and the images and neurons behind a mistake",
        ),
        ActionSpec("all_classes", "All classes", ("A",), "Choose all classes"),
        ActionSpec("invert_classes", "Invert classes", ("Shift+A",), "Choose the other classes"),
        ActionSpec(
            "snapshot_before",
            "Snapshot before",
            ("[",),
            "Go back in the training; of two pictures, in the one that was used last",
            "snapshots",
            starts=True,
        ),
        ActionSpec(
            "snapshot_after",
            "Snapshot after",
            ("]",),
            "Go on in the training; of two pictures, in the one that was used last",
            "snapshots",
        ),
        ActionSpec(
            "play_snapshots",
            "Play the training",
            ("L",),
            "One snapshot after the other; of two pictures, in the first",
            "snapshots",
        ),
        ActionSpec(
            "cluster_here",
            "Cluster by this snapshot",
            ("K",),
            "Show the clusters of the snapshot that is shown; they stay when one goes to another",
            "other_clusters",
        ),
        ActionSpec(
            "compare_snapshot",
            "Compare with another snapshot",
            ("C",),
            "Two snapshots side by side",
            "snapshots",
            "compare",
            starts=True,
        ),
        ActionSpec("compare_file", "Compare with another analysis…", ("Ctrl+Shift+M",), "Two models side by side"),
        ActionSpec(
            "what_changed",
            "What changed",
            ("Ctrl+D",),
            "Layers, neurons, connections and classes that differ most between two pictures",
        ),
        ActionSpec("end_comparison", "End the comparison", ("Shift+Escape",), "Back to one picture"),
    ),
    "Help": (
        ActionSpec("help", "Keys and mouse", ("F1", "?"), "Everything that a key or the mouse does", ""),
        ActionSpec("about", "About cnnvis_caffe", (), "Versions and licences", ""),
    ),
}

MENUS = tuple(_BY_MENU)
#: In the order of the menus.
ACTION_SPECS = tuple(replace(spec, menu=menu) for menu, specs in _BY_MENU.items() for spec in specs)

#: For the help: mouse and keys in the picture.
MOUSE_HELP = (
    ("Wheel", "Zoom to the pointer"),
    ("Drag on the ground, middle button, or Space and drag", "Move the picture"),
    ("Shift and wheel, two fingers on a touchpad", "Move the picture"),
    ("Double click on the ground", "Show everything"),
    ("Point at something", "Say what it is"),
    ("Click", "Select it everywhere; a neuron shows its own connections"),
    ("Ctrl or Shift and drag", "Select the neurons of a layer in a band"),
    ("Ctrl or Shift and click on neurons of a layer", "Select several: move, export or list them together"),
    ("Double click on a neuron or cluster", "Open its page; P opens that of a layer, or of several neurons"),
    ("Double click on a class in the control panel", "Choose it alone"),
    ("Drag a neuron onto a cluster of its layer", "Move it there"),
    ("Drag a neuron onto the ground", "A cluster of its own; Escape cancels"),
    ("Right click", "What can be done with it"),
    ("Click on the pill at the head of a layer", "Expand or collapse its group"),
    ("Click on a point of the chart", "Go to its layer or snapshot"),
    ("Click into one of two pictures", "Keys and menus are about this one; its name is the bold one"),
)
KEY_HELP = (
    ("Arrow keys", "Select the next thing of the same kind"),
    ("Shift and arrow keys", "Move the picture"),
    ("Enter", "Open what is selected"),
    ("Shift+F10 or the menu key", "What can be done with what is selected"),
    ("Tab", "Go from panel to panel"),
)


def actions_named(start: str) -> tuple[str, ...]:
    """Return the actions whose names begin so, in their order."""
    return tuple(spec.name for spec in ACTION_SPECS if spec.name.startswith(start))


def key_of(name: str) -> str:
    """Return the first key of an action; empty where it has none, or where there is no such action."""
    return next((spec.keys[0] for spec in ACTION_SPECS if spec.name == name and spec.keys), "")

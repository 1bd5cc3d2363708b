"""Lists every action by name, with its menu, key and words: menus, the toolbar and the help come from here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes
    ----------
    name : str
        Of its decision in `edit_actions`, or else of a method of `Commands`.
    menu : str
        Where it stands; "" for context menus and keys only.
    text : str
    keys : tuple of str
    tip : str
        A sentence for the status line and the help.
    needs : str
        What must be there: "", "analysis", "selection", "neuron", "cluster", "bicluster", "group", "snapshots",
        "candidates" (of the group, to stand for it), "other_clusters" (than those of the snapshot shown).
    icon : str
    is_checkable : bool
    starts : bool
        Whether a line stands above it in its menu.
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    needs: str = "analysis"
    icon: str = ""
    is_checkable: bool = False
    starts: bool = False


MENUS = ("File", "Edit", "View", "Network", "Help")

SPECS = (
    Spec("open_file", "File", "Open…", ("Ctrl+O",), "Open an analysis file or a session", "", "open"),
    Spec("open_model", "File", "Analyse a model…", ("Ctrl+M",), "Run data through a trained model and look at it", ""),
    Spec("open_demo", "File", "Open the demo", (), "A small network on handwritten digits", ""),
    Spec("save_session", "File", "Save session…", ("Ctrl+S",), "Keep the view with all edits in a file", starts=True),
    Spec("open_session", "File", "Open session…", ("Ctrl+Shift+O",), "Do the edits of a file on this analysis"),
    Spec(
        "export_picture",
        "File",
        "Export picture…",
        ("Ctrl+E",),
        "Write the picture as PNG, SVG or PDF",
        icon="export",
        starts=True,
    ),
    Spec(
        "export_table",
        "File",
        "Export table…",
        ("Ctrl+Shift+E",),
        "Write the numbers of what is selected as CSV",
        "selection",
    ),
    Spec(
        "export_patches",
        "File",
        "Export patches…",
        (),
        "Write the learned features of what is selected as one picture",
        "selection",
    ),
    Spec("close_analysis", "File", "Close analysis", ("Ctrl+W",), "Go back to the start page", starts=True),
    Spec("quit", "File", "Quit", ("Ctrl+Q",), "End the program", ""),
    Spec("undo", "Edit", "Undo", ("Ctrl+Z",), "Take the last change back", icon="undo"),
    Spec("redo", "Edit", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do again what was taken back", icon="redo"),
    Spec("copy_picture", "Edit", "Copy picture", ("Ctrl+C",), "Copy the picture as it is seen", starts=True),
    Spec(
        "copy_table",
        "Edit",
        "Copy table",
        ("Ctrl+Shift+C",),
        "Copy the numbers of what is selected, for a spreadsheet",
        "selection",
    ),
    Spec("find", "Edit", "Find layer or neuron", ("Ctrl+F", "/"), "By name or number", starts=True, icon="search"),
    Spec(
        "select_nothing",
        "Edit",
        "Select what is around it",
        ("Escape",),
        "From a neuron to its cluster, its layer, nothing",
        "selection",
    ),
    Spec(
        "select_inside",
        "Edit",
        "Select what is in it",
        ("I",),
        "From a layer to a cluster, from there to a neuron",
        "selection",
    ),
    Spec("facet_features", "View", "Learned features", ("1",), "Show all clusters by their learned features"),
    Spec("facet_activations", "View", "Activations", ("2",), "Show all clusters as matrices of neurons and classes"),
    Spec("facet_contributions", "View", "Contributions", ("3",), "Show what neurons add to the scores of classes"),
    Spec(
        "edges_weight",
        "View",
        "Edges by weight",
        ("W",),
        "Colour connections by the sign of their weights",
        starts=True,
    ),
    Spec("edges_gradient", "View", "Edges by gradient", ("G",), "Colour connections by the gradient of the loss"),
    Spec("edges_change", "View", "Edges by relative change", ("R",), "Colour connections by how much they changed"),
    Spec("fewer_edges", "View", "Fewer edges", (",",), "Show only stronger connections"),
    Spec("more_edges", "View", "More edges", (".",), "Show weaker connections too"),
    Spec(
        "fit",
        "View",
        "Show everything",
        ("F", "Ctrl+0"),
        "Fit the whole picture into the window",
        icon="fit",
        starts=True,
    ),
    Spec("go_to_selection", "View", "Show the selection", ("Z",), "Zoom to what is selected", "selection"),
    Spec("zoom_in", "View", "Zoom in", ("+", "Ctrl++", "Ctrl+="), "Make the picture larger", icon="zoom_in"),
    Spec("zoom_out", "View", "Zoom out", ("-", "Ctrl+-"), "Make the picture smaller", icon="zoom_out"),
    Spec("actual_size", "View", "Actual size", ("0",), "One pixel for one unit of the picture"),
    Spec("minimap", "View", "Minimap", ("Shift+M",), "Show where on the picture one is", "", is_checkable=True),
    Spec("dark_theme", "View", "Dark theme", ("T",), "Light or dark", "", "theme", is_checkable=True, starts=True),
    Spec("reduced_motion", "View", "Reduced motion", (), "Nothing glides", "", is_checkable=True),
    Spec("full_screen", "View", "Full screen", ("F11",), "Use the whole screen", "", is_checkable=True),
    Spec("reset_layout", "View", "Reset window layout", (), "Put all docks back in their places", ""),
    Spec(
        "toggle_group",
        "Network",
        "Expand or collapse group",
        ("E",),
        "Show the layers of a group, or the one that stands for it",
        "group",
    ),
    Spec("expand_all", "Network", "Expand all groups", ("Shift+E",), "Show every layer"),
    Spec("collapse_all", "Network", "Collapse all groups", ("Shift+C",), "Show one layer of each group"),
    Spec(
        "next_representative",
        "Network",
        "Let the next layer stand for the group",
        ("V",),
        "Show a collapsed group by another of its layers",
        "candidates",
    ),
    Spec(
        "new_cluster",
        "Network",
        "New cluster of the selection",
        ("N",),
        "Put the selected neuron into a cluster of its own",
        "neuron",
        starts=True,
    ),
    Spec(
        "cluster_features",
        "Network",
        "This cluster: features",
        ("Shift+1",),
        "Show one cluster by its learned features",
        "cluster",
    ),
    Spec(
        "cluster_activations",
        "Network",
        "This cluster: activations",
        ("Shift+2",),
        "Show one cluster as a matrix",
        "cluster",
    ),
    Spec(
        "cluster_contributions",
        "Network",
        "This cluster: contributions",
        ("Shift+3",),
        "Show one cluster's contributions",
        "cluster",
    ),
    Spec(
        "merge_bundles",
        "Network",
        "Merge with the next bundle",
        ("M",),
        "Draw two biclusters as one",
        "bicluster",
        starts=True,
    ),
    Spec(
        "split_bundle",
        "Network",
        "Split the bundle",
        ("S",),
        "Draw a bicluster as one for each of its targets",
        "bicluster",
    ),
    Spec(
        "open_page",
        "Network",
        "Open its page",
        ("P",),
        "Everything about the selected neuron or cluster",
        "neuron",
        starts=True,
    ),
    Spec("all_classes", "Network", "All classes", ("A",), "Choose all classes"),
    Spec("invert_classes", "Network", "Invert classes", ("Shift+A",), "Choose the other classes"),
    Spec(
        "snapshot_before",
        "Network",
        "Snapshot before",
        ("[",),
        "Go back in the training; of two pictures, in the one that was used last",
        "snapshots",
        starts=True,
    ),
    Spec(
        "snapshot_after",
        "Network",
        "Snapshot after",
        ("]",),
        "Go on in the training; of two pictures, in the one that was used last",
        "snapshots",
    ),
    Spec(
        "play_snapshots",
        "Network",
        "Play the training",
        ("L",),
        "One snapshot after the other; of two pictures, in the first",
        "snapshots",
    ),
    Spec(
        "cluster_here",
        "Network",
        "Cluster by this snapshot",
        ("K",),
        "Show the clusters of the snapshot that is shown; they stay when one goes to another",
        "other_clusters",
    ),
    Spec(
        "compare_snapshot",
        "Network",
        "Compare with another snapshot",
        ("C",),
        "Two snapshots side by side",
        "snapshots",
        "compare",
        starts=True,
    ),
    Spec("compare_file", "Network", "Compare with another analysis…", ("Ctrl+Shift+M",), "Two models side by side"),
    Spec("end_comparison", "Network", "End the comparison", ("Shift+Escape",), "Back to one picture"),
    Spec("help", "Help", "Keys and mouse", ("F1", "?"), "Everything that a key or the mouse does", ""),
    Spec("about", "Help", "About cnnvis_caffe", (), "Versions and licences", ""),
)

#: For the help: mouse and keys in the picture.
MOUSE = (
    ("Wheel", "Zoom to the pointer"),
    ("Drag on the ground, middle button, or Space and drag", "Move the picture"),
    ("Shift and wheel, two fingers on a touchpad", "Move the picture"),
    ("Double click on the ground", "Show everything"),
    ("Point at something", "Say what it is"),
    ("Click", "Select it everywhere; a neuron shows its own connections"),
    ("Double click on a neuron or cluster", "Open its page"),
    ("Drag a neuron onto a cluster of its layer", "Move it there"),
    ("Drag a neuron onto the ground", "A cluster of its own; Escape cancels"),
    ("Right click", "What can be done with it"),
    ("Click on the pill at the head of a layer", "Expand or collapse its group"),
    ("Click on a point of the chart", "Go to its layer or snapshot"),
    ("Click into one of two pictures", "Keys and menus are about this one; its name is the bold one"),
)
KEYS = (
    ("Arrow keys", "Select the next thing of the same kind"),
    ("Shift and arrow keys", "Move the picture"),
    ("Enter", "Open what is selected"),
    ("Tab", "Go from panel to panel"),
)

"""`cnnvis-caffe features`: what the feature maps of a layer look like."""

from __future__ import annotations

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.python_layers import python_layers_option
from cnnvis_caffe.cli.say import say

_FILE = click.Path(dir_okay=False)


@click.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--layer", required=True, metavar="NAME", help="The layer to show.")
@click.option("--neurons", metavar="LIST", default="",
              help="Feature maps, by number: 3,5,17.  [default: the strongest]")  # fmt: skip
@click.option("--snapshot", metavar="LABEL", default="", help="Label or iteration; the last one by default.")
@click.option("--patches", "n_patches", type=click.IntRange(1), default=9, show_default=True,
              help="Patches of each feature map at most.")  # fmt: skip
@click.option("--evolution", is_flag=True, help="Show the strongest one at every snapshot instead.")
@click.option("--out", required=True, type=_FILE, metavar="PICTURE", help="The picture: .png, .svg, .pdf or .html.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Colours of the picture.")  # fmt: skip
@python_layers_option
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    layer: str,
    neurons: str,
    snapshot: str,
    n_patches: int,
    evolution: bool,
    out: str,
    theme: str,
    allow_python_layers: bool,
) -> None:
    """Draw what the feature maps of a layer look like: their strongest patches beside projections of a deconvnet.

    FILE is an analysis. Its model and weights are opened again, where they were. With --evolution each feature map is
    followed over the snapshots.
    """
    from cnnvis_caffe.explanation.features import evolution_sheet, feature_sheet
    from cnnvis_caffe.render.write import check_picture_path, write_scene
    from cnnvis_caffe.scene.feature_sheet import evolution_scene, feature_sheet_scene
    from cnnvis_caffe.scene.theme import theme_named
    from cnnvis_caffe.store import read_analysis
    from cnnvis_caffe.text.words import counted

    if evolution and snapshot:
        raise click.UsageError("--evolution shows every snapshot: leave --snapshot out")
    numbers = [part.strip() for part in neurons.split(",") if part.strip()]
    wrong = [part for part in numbers if not part.isdigit()]
    if wrong:
        raise click.UsageError(f"--neurons {neurons}: {wrong[0]!r} is not a number; give numbers between commas")
    check_picture_path(out)
    analysis = read_analysis(file)
    chosen = [int(part) for part in numbers]
    with Interruptible(Bar(ctx)) as progress:
        if evolution:
            sheet = evolution_sheet(
                analysis, layer, neurons=chosen, progress=progress, allow_python_layers=allow_python_layers
            )
            scene = evolution_scene(sheet, theme_named(theme))
        else:
            sheet = feature_sheet(
                analysis, layer, neurons=chosen, snapshot=snapshot, n_patches=n_patches, progress=progress,
                allow_python_layers=allow_python_layers,
            )  # fmt: skip
            scene = feature_sheet_scene(sheet, theme_named(theme))
    write_scene(scene, out)
    n_shown = len({view.neuron for view in sheet.views})
    say(f"{out}: {counted(n_shown, 'feature map')} of the {sheet.n_neurons} of {layer}")

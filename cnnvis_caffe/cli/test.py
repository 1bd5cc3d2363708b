"""`cnnvis-caffe test`: the scores of a network on its own data, as `caffe test` gives them."""

from __future__ import annotations

import json
import logging
import shlex
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.caffe_flags import CaffeCommand, split_names
from cnnvis_caffe.cli.device import gpu_index, precision_option, use_device
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.python_layers import python_layers_option, serve_python_layers
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.errors import DataSourceError, NetError

if TYPE_CHECKING:
    from cnnvis_caffe.records.network_file import NetworkFile
    from cnnvis_caffe.runtime.net import Net

logger = logging.getLogger(__name__)


@click.command(cls=CaffeCommand)
@click.option("--model", required=True, type=click.Path(dir_okay=False), help="The network prototxt.")
@click.option("--weights", required=True, metavar="FILES", help="The weights, separated by commas.")
@click.option("--iterations", type=click.IntRange(1), default=50, show_default=True, help="Number of batches.")
@click.option("--gpu", metavar="ID", help="Run on this one GPU instead of the CPU.")
@click.option("--cpu", is_flag=True, help="Run on the CPU, as without --gpu.")
@precision_option
@click.option("--level", type=int, default=0, help="Level that the layers' rules ask for.")
@click.option("--stage", metavar="NAMES", help="Stages that the layers' rules ask for, separated by commas.")
@click.option("--json", "as_json", is_flag=True, help="Also write the means to standard output, as JSON.")
@fork_option
@python_layers_option
def command(
    model: str,
    weights: str,
    iterations: int,
    gpu: str | None,
    cpu: bool,
    precision: str,
    level: int,
    stage: str | None,
    as_json: bool,
    allow_python_layers: bool,
) -> None:
    """Score a network in its TEST phase: every output of every batch, and their means."""
    from cnnvis_caffe.cli.glog import caffe_log
    from cnnvis_caffe.files.json_values import finite
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.runtime.solvers.testing import mean_outputs, score_lines

    serve_python_layers(allow_python_layers)
    index = gpu_index(gpu, cpu)
    network, stages = read_network(model, allow_unknown=False), split_names(stage)
    _check_data(network, weights, level, stages, allow_python_layers)
    with caffe_log():
        use_device(index, precision=precision)
        net = _open_net(network, weights, level, stages, allow_python_layers)
        logger.info("Running for %d iterations.", iterations)
        means = mean_outputs(net, iterations, each=_log_batch)
        assert means is not None, "nothing ends this pass early"
        outputs, loss = means
        logger.info("Loss: %g", loss)
        for line in score_lines(outputs):
            logger.info("%s", line)
    if as_json:
        scores = {output.name: output.values.tolist() for output in outputs}
        say(json.dumps(finite({"iterations": iterations, "loss": loss, "outputs": scores}), allow_nan=False))


def _check_data(network: NetworkFile, weights: str, level: int, stages: list[str], allow_python_layers: bool) -> None:
    """Refuse data that is not there, and say how images of one's own are scored."""
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.runtime.check_data import check_data

    try:
        check_data(network, schema.TEST, level, stages, allow_python_layers=allow_python_layers)
    except DataSourceError as error:
        deploy = f"cnnvis-caffe deploy {shlex.quote(network.path)} --out deploy.prototxt"
        analyze = _analyze("deploy.prototxt", weights)
        raise NetError(f"{error}; for images of your own: {deploy}, then: {analyze}") from error


def _open_net(network: NetworkFile, weights: str, level: int, stages: list[str], allow_python_layers: bool) -> Net:
    """Build the network's TEST phase and load its weights."""
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.runtime import net_weights
    from cnnvis_caffe.runtime.net import Net

    net = Net(network, schema.TEST, level, stages, allow_python_layers=allow_python_layers)
    if all(param.type == "Input" for param in net.param.layer if not param.bottom):
        logger.warning(
            "%s: no layer reads images, so that these are the scores of zeros; give the train_val prototxt, or "
            "images of your own: %s",
            network.path,
            _analyze(network.path, weights),
        )
    for path in split_names(weights):
        net_weights.copy_from(net, path)
    return net


def _log_batch(batch: int, outputs: Any) -> None:
    """A line for each value of a batch."""
    for output in outputs:
        for value in output.values:
            logger.info("Batch %d, %s = %g", batch, output.name, value)


def _analyze(model: str, weights: str) -> str:
    """The command that scores a network on images in folders."""
    names = " ".join(map(shlex.quote, split_names(weights)))
    return (
        f"cnnvis-caffe analyze --model {shlex.quote(model)} --weights {names} --data FOLDER --out FILE.cnnvis.h5"
    )  # fmt: skip

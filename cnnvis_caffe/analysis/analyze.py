"""From a model and data to an analysis file: the steps in their order."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnvis_caffe.analysis import assemble
from cnnvis_caffe.analysis.cluster_passes import passes_on_cluster
from cnnvis_caffe.analysis.model import Nets
from cnnvis_caffe.analysis.options import documents
from cnnvis_caffe.analysis.prepare import prepare_run
from cnnvis_caffe.analysis.request import OPTIONS, PARTIAL, AnalysisOptions, make_request
from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.formats.fork_choice import preferred_fork
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.store import check_writable, read_analysis
from cnnvis_caffe.store.state import write_state

if TYPE_CHECKING:
    from typing import Unpack

logger = logging.getLogger(__name__)


@documents(OPTIONS)
def analyze(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: Progress = SILENT,
    **options: Unpack[AnalysisOptions],
) -> Analysis | None:
    """Run images through a network and write down what its neurons do.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str, path-like or sequence of them, or None
        Snapshots of one run, put in order by iteration; None for what the network's fillers give.
    data : str or path-like
        ``mnist:train``, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.
    out : str or path-like
        File to write. What an interrupted run leaves lies beside it, with ``.partial`` behind its name.
    resume : bool, default=False
        Go on where an interrupted run with the same options stopped.
    progress : Progress, default=SILENT
        May raise `Cancelled`: what was done is kept, for `resume`.
    **options
        As in the table, `request.Request`.

    Returns
    -------
    Analysis or None
        Opened from the file; None for a shard.

    Raises
    ------
    ConsentError
        If the network has Python layers whose code may not be run.
    CnnvisError
        If a file is missing or damaged, things do not fit, or `out` cannot be written; nothing is then half written.
    """
    request = make_request(model, weights, data, preferred_fork(), options)
    out = os.fspath(out)
    check_writable(out)
    check_writable(out + PARTIAL)

    run = prepare_run(request, out + PARTIAL, progress)
    if resume:
        run.resume()
    elif os.path.exists(run.state_path):
        logger.warning(
            "%s: an interrupted analysis left this; it begins anew and replaces it (--resume goes on)", run.state_path
        )
    nets = Nets(run.model.network, request)
    run.group_images(nets, progress)
    if request.is_on_cluster:
        passes_on_cluster(run, progress)
    else:
        run.passes(nets, progress)
    if request.shard[1] > 1:
        write_state(out, run.state(whole=True))
        run.forget()
        return None
    try:
        assemble.write(run, nets, lambda number: run.found(number, nets), out, progress)
    except (Cancelled, KeyboardInterrupt):
        run.write()
        raise
    run.forget()
    return read_analysis(out)

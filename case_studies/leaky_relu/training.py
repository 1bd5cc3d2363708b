"""Train one net of the study; its command line is that of `case_studies.common.training`.

Beside what every training notes: where it blew up if it failed, and how many neurons are dead or redundant.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from case_studies.common import training
from case_studies.leaky_relu import blow_up, data, neurons

#: An error from here on is a failure; guessing among ten classes gives 0.9.
FAILED_FROM = 0.85
SIZES = "sizes.jsonl"


def failed(result: dict[str, Any]) -> bool:
    """Whether a training failed: its loss was no finite number any more, or its error is near that of guessing."""
    return result["diverged"] is not None or result["test_error"] >= FAILED_FROM


def main() -> None:
    """Train, score, count."""
    from cnnvis_caffe.runtime.tuning import tune_for_training

    what, options = training.arguments_of(__doc__.splitlines()[0])
    folder: Path = what["folder"]
    tune_for_training()
    with training.claimed(folder):
        if (folder / training.RESULT).exists():
            return
        sizes = folder / SIZES
        training.mend(sizes)
        result = training.train(**what, options=options, callbacks=[blow_up.Sizes(sizes)])
        if result is None:
            sys.exit(training.STOPPED)
        result["images"] = (what["data"] / data.NOTE).read_text().strip()
        if failed(result):
            result["blow_up"] = blow_up.first(sizes)
        if result["weights"]:
            n_images = min(neurons.N_IMAGES, options.n_scored or neurons.N_IMAGES)
            try:
                result["neurons"] = neurons.count(folder, result["weights"], what["data"], options.device, n_images)
            except ImportError as error:  # a machine that only trains may lack what an analysis needs
                print(f"{folder}: neurons are not counted: {error}", file=sys.stderr)
        training.write_result(folder / training.RESULT, result)


if __name__ == "__main__":
    main()

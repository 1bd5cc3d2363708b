"""What can be said of the images without building them."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess

import pytest

from cnnvis_caffe.runtime.devices import LEAST_DRIVER


@pytest.fixture(scope="module")
def docker(repository):
    return repository / "docker"


@pytest.mark.parametrize("image", ["cuda", "caffe-cpu", "caffe-cuda"])
def test_dockerfiles_copy_what_exists(docker, repository, image):
    text = (docker / image / "Dockerfile").read_text().replace("\\\n", " ")
    instructions = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert instructions[0][0] == "FROM"
    bases = [rest for word, rest in instructions if word == "FROM"]
    assert all(re.fullmatch(r"\S+:\S+( AS \w+)?", base) for base in bases), "the base names its version"
    known = {"FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions} <= known
    for word, rest in instructions:
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert list(repository.glob(source)), f"{image} copies {source}"


@pytest.mark.parametrize(
    "script",
    ["in_browser.sh", "try_in_root.sh", "debian11/build_caffe.sh", "debian11/install.sh", "debian11/non_free.sh"],
)
def test_scripts_parse(docker, script):
    shell = (docker / script).read_text().splitlines()[0].rpartition("/")[2]
    subprocess.run([shell, "-n", str(docker / script)], check=True, stdin=subprocess.DEVNULL)
    assert (docker / script).stat().st_mode & 0o111


def test_services_name_images_that_are_built_here(docker):
    text = (docker / "compose.yaml").read_text()
    images = set(re.findall(r"image: cnnvis-caffe:(\S+)", text))
    assert images == {"cuda", "caffe-cpu", "caffe-cuda"}
    assert all((docker / image / "Dockerfile").exists() for image in images)
    for dockerfile in re.findall(r"dockerfile: (\S+)", text):
        assert (docker.parent / dockerfile.rstrip(" }")).exists()


def test_caffe_is_built_for_the_same_gpus_everywhere(docker):
    """From Kepler to Ampere, as far as CUDA 11.2 goes, and PTX for newer ones."""
    places = ("caffe-cuda/Dockerfile", "compose.yaml", "debian11/build_caffe.sh", "try_in_root.sh")
    lists = {re.search(r"\b35 [\d ]*\d", (docker / place).read_text())[0] for place in places}
    assert lists == {"35 50 60 70 75 80 86"}


def test_the_readme_names_every_image(docker):
    text = (docker / "README.md").read_text()
    for image in ("cuda", "caffe-cpu", "caffe-cuda"):
        assert f"| `{image}` |" in text


def pins(path):
    """The versions in a constraints file, and in those that it names, for the newest Python."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("-c "):
            found.update(pins(path.parent / line[3:]))
        elif line and not line.startswith("#"):
            requirement, _, condition = line.partition("; ")
            name, _, version = requirement.partition("==")
            if "<" not in condition and '== "' not in condition:
                assert name not in found, f"{name} is pinned twice"
                found[name] = version
    return found


@pytest.fixture(scope="module")
def table(docker):
    """Which constraints file brings which PyTorch for which CUDA, driver and GPUs, as the README has it."""
    rows = re.findall(
        r"\| `(constraints\S*)` \| (\S+) \| CUDA (\S+) \| (\d+) or newer \| (\S+) to (\S+) \(",
        (docker / "README.md").read_text(),
    )
    return {row[0]: row[1:] for row in rows}


def test_the_table_of_drivers_is_that_of_the_pins(table, repository):
    """The file that is installed and the one for older GPUs: their PyTorch, and the driver that their CUDA needs."""
    assert list(table) == ["constraints.txt", "constraints-cuda12.txt"]
    for name, (version, cuda, driver, *_) in table.items():
        assert pins(repository / name)["torch"] == version
        assert LEAST_DRIVER[int(cuda.split(".")[0])] == int(driver)
        assert f"{cuda}" in (repository / name).read_text(), "the file says it as well"


def test_the_files_for_both_differ_in_pytorch_alone(repository):
    new, old = (pins(repository / name) for name in ("constraints.txt", "constraints-cuda12.txt"))
    assert {name for name in new.keys() | old.keys() if new.get(name) != old.get(name)} == {"torch"}


def test_the_table_is_what_the_installed_pytorch_says_of_itself(table):
    """Where it is one of the two builds."""
    torch = pytest.importorskip("torch")
    rows = [row for row in table.values() if row[0] == importlib.metadata.version("torch")]
    if not rows or torch.version.cuda is None:
        pytest.skip("another build of PyTorch is installed")
    ((_, cuda, _, oldest, newest),) = rows
    assert torch.version.cuda == cuda
    kernels = [int(name.partition("_")[2]) / 10 for name in torch._C._cuda_getArchFlags().split()]
    assert (min(kernels), max(kernels)) == (float(oldest), float(newest))


def test_the_image_takes_its_cuda_from_pytorch(docker, repository):
    """No base with another CUDA; the file of constraints is an argument that the compose file passes on."""
    text = (docker / "cuda" / "Dockerfile").read_text()
    assert not re.search("^FROM .*cuda", text, re.MULTILINE)
    default = re.search(r"^ARG CONSTRAINTS=(\S+)$", text, re.MULTILINE)[1]
    assert (repository / default).exists()
    assert '--constraint "/src/$CONSTRAINTS"' in text
    assert f'CONSTRAINTS: "${{CONSTRAINTS:-{default}}}"' in (docker / "compose.yaml").read_text()

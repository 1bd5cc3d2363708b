"""What can be said of the images without building them."""

from __future__ import annotations

import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def docker(repository):
    return repository / "docker"


@pytest.mark.parametrize("image", ["cuda", "caffe-cpu", "caffe-cuda"])
def test_dockerfiles_copy_what_exists(docker, repository, image):
    text = (docker / image / "Dockerfile").read_text().replace("\\\n", " ")
    instructions = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert instructions[0][0] == "FROM"
    assert re.fullmatch(r"\S+:\S+", instructions[0][1]), "the base names its version"
    known = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions} <= known
    for word, rest in instructions:
        if word == "COPY":
            for source in rest.split()[:-1]:
                assert (repository / source).exists(), f"{image} copies {source}"


@pytest.mark.parametrize("script", ["in_browser.sh", "caffe-cpu/install.sh", "try_in_root.sh"])
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


def test_the_readme_names_every_image(docker):
    text = (docker / "README.md").read_text()
    for image in ("cuda", "caffe-cpu", "caffe-cuda"):
        assert f"| `{image}` |" in text

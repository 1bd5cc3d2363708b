"""The same nets written by hand, as somebody would who has PyTorch only.

Modules with weights are defined in the order of the Caffe nets, so that their parameters pair up one by one. The nets
return scores; `forward` of the benchmark adds the softmax, `backward` the loss.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def conv_relu(n_in: int, n_out: int, size: int, **options: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, size, **options), nn.ReLU(inplace=True))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.ip1 = nn.Linear(800, 500)
        self.ip2 = nn.Linear(500, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.ip2(F.relu_(self.ip1(x.flatten(1))))


class NormWithinChannel(nn.Module):
    """x / (1 + alpha * mean of the squares in a window) ** beta, which PyTorch has no module for."""

    def __init__(self, size: int, alpha: float, beta: float) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(size, 1, size // 2)
        self.alpha, self.beta = alpha, beta

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1 + self.alpha * self.pool(x * x)) ** -self.beta


class Cifar10Full(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.ReLU(inplace=True),
            NormWithinChannel(3, 5e-5, 0.75),
            *conv_relu(32, 32, 5, padding=2),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            NormWithinChannel(3, 5e-5, 0.75),
            *conv_relu(32, 64, 5, padding=2),
            nn.AvgPool2d(3, 2, ceil_mode=True),
        )
        self.ip1 = nn.Linear(1024, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.ip1(self.features(x).flatten(1))


class Vgg10(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = []
        for n_in, n_out in ((3, 64), (64, 128), (128, 256), (256, 512)):
            blocks += [conv_relu(n_in, n_out, 3, padding=1), conv_relu(n_out, n_out, 3, padding=1), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*blocks)
        self.fc5 = nn.Linear(512 * 9, 512)
        self.fc6 = nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc6(F.relu_(self.fc5(self.features(x).flatten(1))))


class CaffeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_relu(3, 96, 11, stride=4),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.LocalResponseNorm(5),
            conv_relu(96, 256, 5, padding=2, groups=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.LocalResponseNorm(5),
            conv_relu(256, 384, 3, padding=1),
            conv_relu(384, 384, 3, padding=1, groups=2),
            conv_relu(384, 256, 3, padding=1, groups=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        )
        self.classifier = nn.Sequential(
            nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).flatten(1))


class Inception(nn.Module):
    """Szegedy et al. 2014: four branches, side by side in the channels."""

    def __init__(self, n_in: int, n1: int, n3_reduce: int, n3: int, n5_reduce: int, n5: int, n_pool: int) -> None:
        super().__init__()
        self.one = conv_relu(n_in, n1, 1)
        self.three = nn.Sequential(conv_relu(n_in, n3_reduce, 1), conv_relu(n3_reduce, n3, 3, padding=1))
        self.five = nn.Sequential(conv_relu(n_in, n5_reduce, 1), conv_relu(n5_reduce, n5, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), conv_relu(n_in, n_pool, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class GoogLeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_relu(3, 64, 7, stride=2, padding=3),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.LocalResponseNorm(5),
            conv_relu(64, 64, 1),
            conv_relu(64, 192, 3, padding=1),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Inception(480, 192, 96, 208, 16, 48, 64),
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
            Inception(528, 256, 160, 320, 32, 128, 128),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            nn.AvgPool2d(7),
            nn.Dropout(0.4),
        )
        self.classifier = nn.Linear(1024, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).flatten(1))


TORCH_NETS = {
    "lenet": LeNet,
    "cifar10_full": Cifar10Full,
    "vgg10": Vgg10,
    "caffenet": CaffeNet,
    "googlenet": GoogLeNet,
}


def build(name: str, params: dict[str, list[np.ndarray]], *, train: bool = False) -> nn.Module:
    """A hand-written net with the parameters of a Caffe net."""
    net = TORCH_NETS[name]()
    arrays = [array for arrays in params.values() for array in arrays]
    own = list(net.parameters())
    assert [tuple(p.shape) for p in own] == [a.shape for a in arrays]
    with torch.no_grad():
        for parameter, array in zip(own, arrays):
            parameter.copy_(torch.from_numpy(array))
    return net.train(train)

"""Running commands in this process."""

from __future__ import annotations

import warnings

import pytest
from helpers.command_line import runner

from cnnvis_caffe.cli.main import group


@pytest.fixture
def call():
    """Run `cnnvis-caffe ARGUMENTS`; what it did to warnings is undone."""

    def call_(*arguments, code=0):
        result = runner().invoke(group, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    with warnings.catch_warnings():
        yield call_

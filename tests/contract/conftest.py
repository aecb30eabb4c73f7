"""What tests of the stand-ins share: the key with which push's stand-in knows us."""

import shutil
from pathlib import Path

import pytest

from alertd.sandbox.server import CREDENTIALS
from alertd.sandbox.service_account import ServiceAccount


@pytest.fixture(scope="session")
def made_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making an RSA key takes longer than most of these tests: one does for all of them."""
    file = tmp_path_factory.mktemp("key") / CREDENTIALS
    ServiceAccount(file, project_id="alertd-sandbox", token_uri="http://127.0.0.1/token")
    return file


@pytest.fixture
def sandbox_key(tmp_path: Path, made_key: Path) -> None:
    """A sandbox whose data folder is the test's makes none of its own."""
    shutil.copy(made_key, tmp_path)

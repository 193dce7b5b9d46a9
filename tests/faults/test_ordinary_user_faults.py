"""An installation of an ordinary user, who may not write where he pleases: root may, whatever a folder's mode says.

Deployed by that user with the system's Python, for the one of this test run may lie where only root can go.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import NOTICED_SECONDS, Trial
from tests.faults.installation import START_SECONDS, Installation, copy_program, demo_values, poll
from tests.processes.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]

NOBODY = 65534
DEPLOY_SECONDS = 600
HANDED_ON = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
"""what the packages may have to be fetched with"""


@dataclass
class OrdinaryCheckout(Checkout):
    """A checkout whose commands run as somebody who is nobody in particular."""

    def run(self, *command: str | Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        return super().run(*as_nobody, *command, seconds=seconds)

    @property
    def environment(self) -> dict[str, str]:
        handed_on = {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}
        return {**handed_on, **super().environment}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become an ordinary user (with setpriv); others are one and test the same elsewhere")
    folder = Path(tempfile.mkdtemp(prefix="kd-user-"))
    folder.chmod(0o755)
    root = folder / "checkout"
    copy_program(root)
    made = Installation(OrdinaryCheckout(root, demo_values()))
    try:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        deployed = made.checkout.run("./deploy_update.sh", seconds=DEPLOY_SECONDS)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        poll(lambda: made.verdict().is_fine, within=START_SECONDS, what=lambda: f"fine, but {made.verdict()}")
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)


@contextmanager
def without_leave_to_write(installation: Installation) -> Iterator[None]:
    settings = installation.checkout.settings
    folders = (settings.var_dir, settings.run_dir, settings.log_dir)
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_folder_that_its_own_user_may_not_write_is_said(trial: Trial) -> None:
    with without_leave_to_write(trial.installation):
        trial.noticed("folder_read_only", within=NOTICED_SECONDS)
        trial.stays_noticed(seconds=20)
    trial.over()
    trial.recovered()


def test_a_start_in_a_folder_of_somebody_else_is_one_sentence(trial: Trial) -> None:
    installation = trial.installation
    folder = installation.checkout.settings.var_dir
    stopped = installation.run("venv/bin/python", "-m", "keepa_deals.processes", "stop")
    assert stopped.returncode == 0, stopped.stderr
    trial.noticed("no answer", within=10)
    os.chown(folder, 0, 0)
    folder.chmod(0o755)
    try:
        refused = installation.run("./start_celery.sh")
    finally:
        os.chown(folder, NOBODY, NOBODY)
    assert refused.returncode == 1
    [sentence] = refused.stderr.strip().splitlines()
    assert f"VAR_DIR ({folder}) can't be written" in sentence
    assert "give its folder to the user who runs this" in sentence
    assert installation.everything() == []
    trial.over()
    installation.start()
    trial.recovered()

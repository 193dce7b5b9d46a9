"""The command and the environment of each program, from the settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from keepa_deals.celery_commands import WORKER_ENVIRONMENT, beat_command, worker_command
from keepa_deals.errors import BadSettings
from keepa_deals.installation import PROGRAM_TAG_NAME
from keepa_deals.processes import embedded_redis, paths, surroundings
from keepa_deals.processes.programs import WORKER_QUEUES, programs
from keepa_deals.processes.speech import complain
from keepa_deals.settings import Settings


def command_of(name: str, *, settings: Settings) -> list[str]:
    """What to execute for `name`. Raises BadSettings for a name that does not run under these settings."""
    if name not in {program.name for program in programs(settings)}:
        raise BadSettings(f"no program {name!r} runs under these settings; see ./start_celery.sh --help.")
    python = Path(sys.executable)
    if name in WORKER_QUEUES:
        return worker_command(str(python), WORKER_QUEUES[name])
    if name == "redis":
        return _redis_command(settings)
    if name == "simulator":
        return simulator_command(settings, python=python, port=surroundings.demo_place(settings).port)
    if name == "beat":
        return beat_command(str(python))
    if name == "web":
        return web_command(settings, python=python)
    return [str(python), "-m", "keepa_deals.processes.watchdog"]


def environment_of(name: str, *, settings: Settings) -> dict[str, str]:
    environment = surroundings.child_environment(settings, environ=os.environ)
    environment[PROGRAM_TAG_NAME] = name
    if name in WORKER_QUEUES:
        environment.update(WORKER_ENVIRONMENT)
    if name == "simulator":
        environment["KEEPA_SIMULATOR_KEY"] = surroundings.demo_place(settings).key
    if name == "web":
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(paths.metrics_dir(settings))
    return environment


def _redis_command(settings: Settings) -> list[str]:
    binary = embedded_redis.server_binary()
    embedded_redis.make_loadable(settings, binary=binary, say=complain)
    return embedded_redis.server_command(settings, binary=binary)


def web_command(settings: Settings, *, python: Path) -> list[str]:
    """gunicorn with threads. The access log stays off: addresses there could hold search words and keys."""
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    return [
        str(python), "-m", "gunicorn", "wsgi_handler:application",
        "--worker-class", "keepa_deals.web.worker.PatientWorker", "--workers", "2", "--threads", "8",
        "--bind", f"{host}:{settings.web_port}",
        "--worker-tmp-dir", str(settings.run_dir),
        "--timeout", "60", "--graceful-timeout", "15", "--keep-alive", "5",
        "--max-requests", "20000", "--max-requests-jitter", "2000",
        "--no-control-socket", "--name", "keepa-deals-web",
    ]  # fmt: skip


def simulator_command(settings: Settings, *, python: Path, port: int) -> list[str]:
    """Its key goes by the environment: everybody on the machine can read a command line."""
    folder = settings.simulator_dir
    command = [
        str(python), "-m", "keepa_deals.simulator", "--host", "127.0.0.1", "--port", str(port),
        "--products", str(settings.simulator.products), "--seed", str(settings.simulator.seed),
        "--rate", str(settings.simulator.tokens_per_minute), "--clock-speed", f"{settings.clock_speed:g}",
        "--cache-dir", str(folder / "cache"), "--truth-dir", str(folder / "truth"),
        "--control-file", str(folder / "control.json"), "--info-file", str(settings.simulator_file),
    ]  # fmt: skip
    if settings.clock_anchor is not None:
        command += ["--clock-anchor", settings.clock_anchor.isoformat()]
    return command

"""Workers on a cluster, which Ray places; without a cluster, Ray is started on this machine.

Ray starts processes and says when they are dead, no more. Queue, money and progress are the
ledger's. What goes through Ray is the handover, which holds no secret: keys of providers and the
database's password are in the environment of each machine.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from runner.cluster.handover import Handover
from runner.cluster.joined_worker import work_as_told
from runner.cluster.life import Life, LifeEnd
from runner.cluster.own_folders import OF_RAY, OF_WORKERS, open_own_folder, remove_left_folders
from runner.cluster.ray_address import AUTO
from runner.errors import CannotSend

# What the user set stays. Ray sends nothing home.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Seconds without its head after which Ray ends all of its processes: work goes on without it.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
}
_AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TOKEN_FILE = Path(".ray", "auth_token")  # in the home folder, where the user made one


def _prepare_environment() -> None:
    """Set what Ray reads when it is imported.

    Who can reach Ray's ports can run anything with this environment's keys, unless he needs a
    token. Where the user has none it is drawn here, so that Ray writes none into the home folder.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with suppress(RuntimeError):  # there is no home folder
        if any(name in os.environ for name in _AUTH) or (Path.home() / _TOKEN_FILE).exists():
            return
    os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)


_prepare_environment()

try:
    import ray
    from ray.exceptions import RayError
except ImportError as missing:
    raise CannotSend(
        "--ray needs Ray; nothing was sent. Install it:  pip install 'afcost[cluster]'"
    ) from missing

_NAMESPACE = "afcost"
_HEAD_TIMEOUT = 3.0  # seconds
_LEFT_ALONE = 60.0  # seconds that a worker waits, after its work, for the lead to end it
_NO_HEAD = "the head of Ray's cluster cannot be reached, so no worker can be started"


class RayCrew:
    """Starts workers on a cluster.

    Args:
        address: of the cluster's head; `auto` takes the one that this machine belongs to, or starts
            Ray here.
        workers: how many are to have a place, where Ray is started here.

    Raises:
        CannotSend: the cluster cannot be reached.
    """

    shares_secrets = False

    def __init__(self, address: str, workers: int) -> None:
        self._handover: tuple[str, Any] = ("", None)
        try:
            with ExitStack() as stack:
                self._connect(address, workers, stack)
                self._stack = stack.pop_all()
        except (ConnectionError, RuntimeError, ValueError, OSError, RayError) as error:
            raise CannotSend(
                f"--ray {address}: {error}; nothing was sent. Start a cluster with  "
                "ray start --head  or use --ray auto"
            ) from error

    def _connect(self, address: str, workers: int, stack: ExitStack) -> None:
        quiet = {"namespace": _NAMESPACE, "log_to_driver": False, "logging_level": "ERROR"}
        with suppress(*([ConnectionError] if address == AUTO else [])):
            ray.init(address=address, **quiet)
            return
        # Short, because the paths of sockets in it may have 107 bytes.
        folder = stack.enter_context(open_own_folder(OF_RAY))
        cores = max(workers, os.cpu_count() or 1)
        ray.init(
            address="local",
            _node_ip_address="127.0.0.1",
            num_cpus=cores,
            include_dashboard=False,
            _temp_dir=str(folder),
            **quiet,
        )

    def start(self, handover: str, worker: str) -> Life:
        """Start a worker where Ray has place for it.

        Raises:
            CannotSend: the cluster is gone.
        """
        if not _has_head():
            raise CannotSend(_NO_HEAD)
        try:
            if self._handover[0] != handover:
                self._handover = (handover, ray.put(handover))  # sent to each machine once
            # Detached: where the lead is killed, a worker finishes what is in flight, and ends.
            actor = (
                ray.remote(_Worker)
                .options(
                    name=f"worker-{worker}",
                    lifetime="detached",
                    num_cpus=1,
                    max_restarts=0,
                    scheduling_strategy="SPREAD",
                )
                .remote()
            )
            return _ActorLife(actor, actor.work.remote(self._handover[1], worker))
        except (RayError, RuntimeError, ValueError) as error:
            raise CannotSend(f"Ray starts no worker: {error}") from error

    def close(self) -> None:
        """Leave the cluster; end it where it was started here."""
        ray.shutdown()
        self._stack.close()
        remove_left_folders(OF_WORKERS)


class _ActorLife:
    def __init__(self, actor: Any, told: Any) -> None:  # noqa: ANN401 - Ray's
        self._actor = actor
        self._told = told

    def poll(self) -> LifeEnd | None:
        ready, _ = ray.wait([self._told], timeout=0)
        if not ready:
            return None
        try:
            end = LifeEnd.from_text(ray.get(self._told))
        except RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            end = LifeEnd("", lines[0])
        self.kill()
        return end

    def kill(self) -> None:
        if _has_head():
            with suppress(RayError, ValueError, RuntimeError):
                ray.kill(self._actor)


def _has_head() -> bool:
    """Return whether the cluster's head can be reached: without it, most of Ray waits for it."""
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _HEAD_TIMEOUT).close()
    except OSError:
        return False
    return True


class _Worker:
    """A worker that Ray has placed."""

    def work(self, handover: str, worker: str) -> str:
        """Do a plan's work, and return how that ended, as JSON."""
        try:
            return work_as_told(Handover.from_text(handover), worker).to_text()
        finally:  # the lead ends this process, unless it is gone itself
            last = threading.Timer(_LEFT_ALONE, os._exit, (0,))
            last.daemon = True
            last.start()

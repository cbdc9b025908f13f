"""How a RabbitMQ server is started without being installed: its files, command and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server_programs import environment, find_program

# The schedulers of Erlang must not keep the cores busy while there is nothing to do.
_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
_ERL = """#!/bin/sh
export ROOTDIR='{root}' BINDIR='{programs}' EMU=beam PROGNAME=erl
exec '{programs}/erlexec' "$@"
"""
_CONFIG = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 400MB
disk_free_limit.absolute = 1MB
"""


@dataclass(frozen=True, slots=True)
class RabbitMQPorts:
    """The ports of a server: of AMQP, its management, its nodes, and the port mapper of Erlang."""

    amqp: int
    management: int
    nodes: int
    mapper: int


@dataclass(frozen=True, slots=True)
class RabbitMQFiles:
    """mapper: the command of the port mapper, which runs first. Both listen on loopback only."""

    command: Sequence[str]
    mapper: Sequence[str]
    environment: Mapping[str, str]


def write_rabbitmq_files(folder: Path, name: str, ports: RabbitMQPorts) -> RabbitMQFiles:
    """Write the files of a server whose data is in this folder. name: before `@localhost`."""
    mapper = find_program("epmd").resolve()
    programs = mapper.parent
    (folder / "rabbitmq.conf").write_text(
        _CONFIG.format(port=ports.amqp, management=ports.management)
    )
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    # Debian's own script has the path of an installed Erlang.
    erl = folder / "erl"
    erl.write_text(_ERL.format(root=programs.parents[1], programs=programs))
    erl.chmod(0o755)
    variables = {
        **environment(),
        "PATH": f"{folder}:{os.environ['PATH']}",  # for `erl`
        "HOME": str(folder),  # for the secret that nodes of Erlang share
        "RUNNING_UNDER_SYSTEMD": "true",  # no shell around the process
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports.mapper),
        "RABBITMQ_NODENAME": f"{name}@localhost",
        "RABBITMQ_DIST_PORT": str(ports.nodes),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} {_LOOPBACK}",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-such-file"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    return RabbitMQFiles([str(find_program("rabbitmq-server"))], [str(mapper)], variables)

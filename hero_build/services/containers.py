"""Containers as services: podman or docker in the foreground is the command, so that a supervisor sees its end."""

import os
import shutil
from pathlib import Path

from hero_build.errors import MissingTool
from hero_build.model.services import Container, Service
from hero_build.system import process

_ENGINES = ("podman", "docker")


def command(service: Service, container: Container) -> tuple[str, ...]:
    """The command of a service in a container. Variables are passed by name: their values are in no process list.

    Raises MissingTool.
    """
    names = [name for name, _ in (*service.env, *service.secret_env)]
    variables = [word for name in names for word in ("--env", name)]
    run = (str(engine()), "run", "--rm", "--init", "--name", container_name(service))
    return (*run, *variables, *container.arguments, container.image, *service.command)


def container_name(service: Service) -> str:
    """`hero-hero_onlyoffice`; a container's name has no `:`."""
    return "hero-" + service.name.replace(":", "-")


def engine() -> Path:
    """podman, else docker. Raises MissingTool."""
    for name in _ENGINES:
        if path := shutil.which(name):
            return Path(path)
    raise MissingTool("neither podman nor docker is on this machine", "Install podman (`apt install podman`).")


def remove_leftover(service: Service) -> None:
    """Remove a container of this name that an earlier run left behind. Raises ToolFailed, MissingTool."""
    process.run((engine(), "rm", "--force", container_name(service)), cwd=Path("/"), env=dict(os.environ))

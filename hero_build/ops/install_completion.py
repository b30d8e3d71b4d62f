"""`completion SHELL --install`: the script where it is found, and the line in the shell's start file that reads it.

fish reads its folder of completions by itself. bash and zsh get a file of ours and one line in their start file, since
neither a fresh account's bash (whose bash-completion may be missing or switched off) nor its zsh (whose completion is
off until compinit ran) looks in any folder of the user's.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.errors import NotWritable
from hero_build.os_errors import machine_errors
from hero_build.system.home import home

_OTHER_HOME = "another home with HOME"
_MARK = "# completion of hero-build"


class CompletionFiles(Struct, frozen=True):
    """`script`: the file with the completions; `start_file`: the file with the line that reads it, None for fish.

    `changed`: the files that were written; none: all was there.
    """

    script: Path
    start_file: Path | None
    changed: tuple[Path, ...]


def install_completion(shell: str, script: str, environ: Mapping[str, str]) -> CompletionFiles:
    """Write what is missing or differs; a second time changes nothing. Raises MachineError."""
    path, start_file = _places(shell, environ)
    changed = []
    with machine_errors(path.parent, _OTHER_HOME):
        if _text(path) != script:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(script, encoding="utf-8")
            changed.append(path)
        if start_file is not None and _MARK not in (before := _text(start_file)):
            start_file.parent.mkdir(parents=True, exist_ok=True)
            _check_link(start_file)
            with start_file.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(("" if before.endswith("\n") or not before else "\n") + _line(shell, path) + "\n")
            changed.append(start_file)
    return CompletionFiles(path, start_file, tuple(changed))


def _check_link(file: Path) -> None:
    """Raises NotWritable for a link into a folder that does not exist, as of dotfiles that were moved."""
    if file.is_symlink() and not (target := file.resolve()).parent.is_dir():
        hint = f"Create that folder, or remove the link {file}."
        raise NotWritable(f"{file} leads to {target}, whose folder does not exist", hint)


def _places(shell: str, environ: Mapping[str, str]) -> tuple[Path, Path | None]:
    """The script's file and the start file."""
    data = Path(environ.get("XDG_DATA_HOME") or home() / ".local" / "share")
    if shell == "fish":
        config = Path(environ.get("XDG_CONFIG_HOME") or home() / ".config")
        return config / "fish" / "completions" / "hero-build.fish", None
    if shell == "zsh":
        return data / "hero-build" / "completion.zsh", Path(environ.get("ZDOTDIR") or home()) / ".zshrc"
    return data / "hero-build" / "completion.bash", home() / ".bashrc"


def _line(shell: str, path: Path) -> str:
    """Nothing happens where the file is gone. In zsh, compinit runs first unless it has run."""
    file = shlex.quote(str(path))
    start = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }; " if shell == "zsh" else ""
    return f"[ -r {file} ] && {{ {start}. {file}; }}  {_MARK}"


def _text(path: Path) -> str:
    """The content of a file; empty if it does not exist."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""

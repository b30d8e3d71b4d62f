"""hero-build on a managed node, called with --json: the modules read fields, never sentences."""

from __future__ import annotations

import json
import os
import pwd

SESSION = ("SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "XDG_SESSION_ID", "XDG_RUNTIME_DIR")
"""Variables of the login that Ansible came by; hero-build answers the same without them."""
REPLACE = 'mkdir -p "${1%/*}" && cat > "$1.part" && mv -f "$1.part" "$1"'
REMOVE = 'rm -f "$1"'
PATHS = ("root", "pack", "lock_path")
USAGE = 2
MACHINE = 8

COMMON_ARGUMENTS = {
    "root": {"type": "path"},
    "user": {"type": "str"},
    "executable": {"type": "str", "default": "hero-build"},
}


class NoAnswer(Exception):
    """hero-build is not there, too old, or printed no document; `fields` go into the module's result."""

    def __init__(self, message, **fields):
        super().__init__(message)
        self.message, self.fields = message, fields


class HeroBuild:
    """The command line of one root, run as the user who owns it."""

    def __init__(self, module):
        self.module = module
        _refuse_relative(module)
        self.user = module.params["user"]
        self.home = _home(self.user)
        self.root = module.params["root"] or os.path.join(self.home, "hero")
        for name in SESSION:
            os.environ.pop(name, None)

    def answer(self, command, *words, executable=None):
        """The exit code and the document of `hero-build COMMAND WORDS --json`. Raises NoAnswer."""
        program = executable or self._program()
        code, out, err = self.run([program, command, "--root", self.root, "--json", *words])
        try:
            document = json.loads(out)
        except ValueError:
            raise NoAnswer(_silence(program, code, err), exit_code=code) from None
        if code == USAGE and "error" in document:
            raise NoAnswer(self._refusal(program, document), exit_code=code)
        for warning in document["warnings"]:
            self.module.warn(f"{warning['text']} {warning['hint']}".strip())
        return code, document

    def run(self, command, data=None):
        """Run a command as the owner of the root: exit code, stdout, stderr."""
        environ = {"HOME": self.home}
        if self._switches_user():
            runuser = self.module.get_bin_path("runuser", required=True)
            command = [runuser, "-u", self.user, "--", *command]
            environ.update(USER=self.user, LOGNAME=self.user)
        return self.module.run_command(command, environ_update=environ, data=data, binary_data=True, cwd="/")

    def replace(self, path, files):
        """Replace the files `path + suffix`, or remove those without a text, as the owner of the root."""
        for suffix, text in files.items():
            script = REMOVE if text is None else REPLACE
            code, _out, err = self.run(["/bin/sh", "-c", script, "sh", path + suffix], data=text)
            if code:
                raise NoAnswer(f"{path}{suffix} cannot be replaced: {err.strip()}", exit_code=MACHINE)

    def _program(self):
        program = self.module.get_bin_path(self.module.params["executable"])
        if program is None:
            named = self.module.params["executable"]
            raise NoAnswer(f"{named} is not installed on this host; the role hero.os.hero installs it")
        return program

    def _refusal(self, program, document):
        """A usage error, with the version of a hero-build that may be too old to know an option."""
        _code, out, _err = self.run([program, "--version"])
        return f"{document['error']['message']} ({out.strip()} on this host). {document['error']['hint']}".strip()

    def _switches_user(self):
        return bool(self.user) and os.geteuid() == 0 and self.user != "root"


def failures(document):
    """Every failure in a document: of the command, of apps, of restarted services."""
    if "error" in document:
        return [document["error"]]
    restart = document.get("restart") or {}
    return [*document.get("failed", ()), *restart.get("failed", ())]


def sentence(failed):
    """What the failures say, each with its next step."""
    return " ".join(f"{item['message'].rstrip('.')}. {item['hint']}".strip() for item in failed)


def _refuse_relative(module):
    """The folder that a task runs in is nobody's choice, and an empty path is a variable that was not set."""
    for name in PATHS:
        value = module.params.get(name)
        if value is not None and not os.path.isabs(value):
            raise NoAnswer(f"{name} is {value!r}, which is not an absolute path", exit_code=USAGE)


def _home(user):
    try:
        return pwd.getpwnam(user).pw_dir if user else os.path.expanduser("~")
    except KeyError:
        raise NoAnswer(f"no user is named {user} on this host") from None


def _silence(program, code, err):
    lines = [line for line in err.splitlines() if line.strip()]
    said = lines[-1].strip() if lines else "it printed nothing"
    return f"{program} gave no JSON document (exit {code}): {said}"

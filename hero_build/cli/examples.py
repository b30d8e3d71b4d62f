"""Examples of each command, printed at the end of its `--help` and in its manual page."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "install": (
        "install hero_db",
        "install hero_db@v0.3.2 --mode download",
        "install @core --restart",
        "install hero_db --ref my-branch",
        "install --locked hero.lock",
        "install --locked hero.lock --at https://mirror.example",
    ),
    "build": ("build hero_db --mode source", "build @core -v"),
    "shell": ("shell --restart", "shell --mode source --no-opt"),
    "islands": ("islands --restart", "islands --mode source --no-opt"),
    "upgrade": ("upgrade --dry-run", "upgrade", "upgrade hero_db"),
    "hold": ("hold hero_db",),
    "unhold": ("unhold hero_db",),
    "list": ("list", "list --installed", "list --outdated"),
    "search": ("search voice",),
    "outdated": ("outdated",),
    "show": ("show hero_db -v", "show hero_db@v0.3.2"),
    "status": ("status", "status hero_db --latest", "status --json"),
    "explain": ("explain hero_db", "explain hero_db --mode source"),
    "start": ("start hero_db", "start @core"),
    "stop": ("stop hero_db",),
    "health": ("health", "health hero_db"),
    "logs": ("logs hero_db -n 100", "logs hero_db hero_proc -f", "logs hero_db --build"),
    "inspect": ("inspect hero_db", "inspect @core"),
    "troubleshoot": ("troubleshoot hero_db", "troubleshoot @core"),
    "restart": ("restart hero_db", "restart @installed"),
    "delete": ("delete hero_db", "delete hero_codescalers:alpha", "delete hero_db --purge"),
    "supervisor": ("supervisor current", "supervisor use systemd"),
    "current": ("supervisor current",),
    "use": ("supervisor use systemd",),
    "serve": ("serve", "serve --probe-interval 30", "serve --print-unit", "serve --install-unit"),
    "verify": ("verify", "verify hero_db --repair", "verify --against-release"),
    "doctor": ("doctor", "doctor --wasm"),
    "audit": ("audit hero_db", "audit --all ~/checkouts"),
    "history": ("history -v",),
    "diff": ("diff", "diff 3 5"),
    "rollback": ("rollback", "rollback 3", "rollback 0"),
    "uninstall": ("uninstall hero_db", "uninstall @all"),
    "gc": ("gc --dry-run", "gc --keep 2", "gc --builds --cache"),
    "publish": (
        "publish hero_db --tag v0.4.0 --draft",
        "publish hero_db --tag v0.4.0 --platform linux-arm64-musl",
        "publish hero_db --tag v0.4.0 --to file:///media/mirror",
    ),
    "ci": ("ci matrix hero_db", "ci workflow hero_db"),
    "matrix": ("ci matrix hero_db --platform linux-amd64-musl",),
    "workflow": ("ci workflow hero_db --runs-on docker",),
    "lock": (
        "lock @core -o hero.lock",
        "lock hero_db@v0.3.2 -o hero.lock",
        "lock --installed -o hero.lock",
        "lock @core -o hero.lock --sign hero.key",
    ),
    "mirror": ("mirror @core /media/usb/mirror",),
    "pack": ("pack @tester -o tester.pyz", "pack -o tester.pyz --locked hero.lock"),
    "fleet": (
        "fleet units --set tester --at https://mirror.example -o DIR",
        "fleet cloud-init --set tester --at https://mirror.example/hero",
    ),
    "units": (
        "fleet units --set tester --at https://mirror.example/hero",
        "fleet units --set admin --at https://mirror.example --timer 1d",
    ),
    "cloud-init": ("fleet cloud-init --set tester --at https://mirror.example",),
    "converge": ("fleet converge tester --at https://mirror.example/hero",),
    "completion": ("completion bash --install", "completion zsh"),
    "help": ("help install", "help ci matrix"),
}
"""By command, each without the program's name."""


def epilog(name: str) -> str:
    """The examples as the end of a help text; \\b keeps click from joining the lines."""
    lines = "\n".join(f"hero-build {line}" for line in EXAMPLES.get(name, ()))
    return f"Examples:\n\n\b\n{lines}" if lines else ""

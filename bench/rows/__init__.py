"""The kinds of work, by the key that `--only` takes."""

from collections.abc import Callable, Mapping

from bench.bench import Bench
from bench.result import Row
from bench.rows import (
    cockpit,
    dioxus,
    download,
    fleet,
    fleet_controller,
    imports,
    islands,
    memory,
    noop,
    pack,
    plan,
    publish,
    scale,
    serve,
    services,
    source,
    stack_source,
    startup,
    verify,
)

ROWS: Mapping[str, Callable[[Bench], list[Row]]] = {
    "cold-30": download.small,
    "cold-6": download.large,
    "latency-30": download.late,
    "noop": noop.rows,
    "pack": pack.rows,
    "startup": startup.rows,
    "imports": imports.rows,
    "memory": memory.rows,
    "scale": scale.rows,
    "verify": verify.rows,
    "services": services.rows,
    "serve": serve.rows,
    "cockpit": cockpit.rows,
    "source": source.rows,
    "source-noop": source.noop,
    "stack": stack_source.rows,
    "islands": islands.rows,
    "dioxus": dioxus.rows,
    "fleet": fleet.rows,
    "fleet-controller": fleet_controller.rows,
    "plan": plan.rows,
    "publish": publish.rows,
}

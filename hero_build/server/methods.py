"""The methods by name. Parameters and result of a method are those of its handler's signature."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, get_type_hints

from msgspec import Struct

from hero_build.server import catalog, catalog_changes, catalog_queries, changes, queries
from hero_build.server.call import Call

Handler = Callable[[Any, Call], Any]


class Method(Struct, frozen=True, dict=True):
    """A method; `changes`: it changes an app, so it is queued, recorded, and run in a process of its own."""

    name: str
    handler: Handler
    changes: bool = False

    @cached_property
    def params(self) -> type[Struct]:
        params: type[Struct] = self._hints["params"]
        return params

    @cached_property
    def result(self) -> Any:
        return self._hints["return"]

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or "").strip()

    @property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler, include_extras=True)


METHODS = {
    method.name: method
    for method in (
        Method("service.list", queries.list_services),
        Method("service.inspect", queries.inspect),
        Method("service.status", queries.status),
        Method("service.health", queries.service_health),
        Method("service.build", changes.build, changes=True),
        Method("service.install", changes.install, changes=True),
        Method("service.start", changes.start, changes=True),
        Method("service.stop", changes.stop, changes=True),
        Method("service.restart", changes.restart, changes=True),
        Method("service.delete", changes.delete, changes=True),
        Method("service.upgrade", changes.upgrade, changes=True),
        Method("service.verify", queries.verify),
        Method("service.logs", queries.logs),
        Method("service.troubleshoot", queries.troubleshoot),
        Method("catalog.list", catalog.list_catalog),
        Method("catalog.install", catalog_changes.install, changes=True),
        Method("catalog.adopt", catalog_changes.adopt, changes=True),
        Method("catalog.rollback", catalog_changes.roll_back, changes=True),
        Method("catalog.restore", catalog_changes.restore, changes=True),
        Method("catalog.latest", catalog_queries.latest),
        Method("catalog.history", catalog_queries.history),
        Method("catalog.diff", catalog_queries.diff),
        Method("catalog.doctor", catalog_queries.doctor),
        Method("rpc.discover", queries.discover),
        Method("rpc.health", queries.health),
    )
}

"""Parts are read when they are asked for: few one by one, more of them at once."""

from collections.abc import Mapping

import pytest
from msgspec import Raw

from hero_build.model.installed import InstalledPart, Origin, PartId
from hero_build.model.installed_parts import InstalledParts, UnreadPart, paths_of, stored_parts

IDS = [PartId(f"app{number:02}") for number in range(40)]


def part(part_id: PartId) -> InstalledPart:
    origin = Origin("v1", requested="auto", used="download", why="", forge="", repo="", tag=None)
    return InstalledPart(part_id, origin, ())


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def parts(log: list[str]) -> InstalledParts:
    def read(item: UnreadPart) -> InstalledPart:
        log.append(item.id.app)
        return part(item.id)

    def read_all() -> Mapping[PartId, InstalledPart]:
        log.append("all")
        return {part_id: part(part_id) for part_id in IDS}

    unread = {part_id: UnreadPart(part_id, (f"bin/{part_id}",), Raw(b"{}")) for part_id in IDS}
    return InstalledParts(lambda: unread, read=read, read_all=read_all)


def test_nothing_is_read_for_names_and_paths(parts: InstalledParts, log: list[str]) -> None:
    assert list(parts) == IDS
    assert len(parts) == len(IDS)
    assert IDS[0] in parts
    assert PartId("other") not in parts
    assert [*paths_of(stored_parts(parts)[IDS[3]])] == ["bin/app03"]
    assert log == []


def test_each_is_read_once(parts: InstalledParts, log: list[str]) -> None:
    assert parts[IDS[1]] is parts[IDS[1]]
    assert parts.get(PartId("other")) is None
    assert log == ["app01"]
    assert isinstance(parts.stored[IDS[1]], UnreadPart)


def test_many_are_read_at_once(parts: InstalledParts, log: list[str]) -> None:
    assert [parts[part_id].id for part_id in IDS] == IDS
    assert (log.count("all"), len(log)) == (1, 17)
    assert dict(parts.items()) == dict(zip(parts, parts.values(), strict=True))
    assert (log.count("all"), len(log)) == (1, 17)


def test_a_successor_reads_what_it_took_over(parts: InstalledParts, log: list[str]) -> None:
    own = part(PartId("own"))
    successor = parts.successor({IDS[0]: parts.stored[IDS[0]], own.id: own})
    assert successor == {IDS[0]: part(IDS[0]), own.id: own}
    assert log == ["app00"]

"""Services: the product parts that can fail and that families use; what is not declared is unknown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Services:
    """All declared services. `in` and iteration go over their names, in the order declared."""

    names: Mapping[str, Mapping[str, str]]  # service -> locale -> the name families know it by
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # where it runs; absent: never said

    def __contains__(self, service: object) -> bool:
        return service in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def runs_in(self, service: str, region: str) -> bool:
        """Whether a region is one of the service's, a part of one, or holds one; yes if none is declared."""
        declared = self.regions.get(service)
        return not declared or any(
            region == own or region.startswith(own + "-") or own.startswith(region + "-") for own in declared
        )

"""Which handler a request is for."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.front.http import Handler, Routes


class RouteTable:
    """Finds the route of a method and a path: one that is written out before one with names."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._named = [(method, path, path.split("/")) for method, path in routes if "{" in path]

    def find(self, method: str, path: str) -> tuple[Handler | None, Mapping[str, str]]:
        """The handler, with what stands in the path for its names; None if there is none."""
        handler = self._routes.get((method, path))
        if handler is not None:
            return handler, {}
        for route_method, route, template in self._named:
            parameters = _fitted(template, path.split("/"))
            if route_method == method and parameters is not None:
                return self._routes[method, route], parameters
        return None, {}

    def methods(self, path: str) -> list[str]:
        """The methods that this path takes; none if there is no such path."""
        segments = path.split("/")
        named = {method for method, _, one in self._named if _fitted(one, segments) is not None}
        return sorted(named | {method for method, route in self._routes if route == path})


def _fitted(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """What stands for the names of a template; None where it is another path."""
    if len(template) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{") and given:
            parameters[wanted.strip("{}")] = given
        elif wanted != given:
            return None
    return parameters

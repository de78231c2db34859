"""The OpenAPI document: FastAPI's of the core endpoints, with the credentials and scopes that the core asks for.

Endpoints that users and plugins registered are added with what is known of them: path, method, parameters, scope.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from sim.integration.gateway.face import PROBLEM
from sim.integration.gateway.models import ProblemOut
from sim.integration.gateway.problem import MEDIA_TYPE
from sim.integration.gateway.router import SOCKET, Route, Router

SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
PARAMETER = re.compile(r"\{([a-z0-9_]+)\}")
PROBLEMS = ("400", "401", "403", "429", "500", "503")


def with_routes(document: dict[str, Any], router: Router) -> dict[str, Any]:
    """A copy of FastAPI's document with security, and with every other endpoint of the table but WebSockets."""
    told = copy.deepcopy(document)
    components = told.setdefault("components", {})
    components["securitySchemes"] = copy.deepcopy(SCHEMES)
    components.setdefault("schemas", {})["ProblemOut"] = ProblemOut.model_json_schema()
    paths = told["paths"]
    for route in router.routes():
        if route.method == SOCKET:
            continue
        operation = paths.setdefault(route.path, {}).setdefault(route.method.lower(), _operation(route))
        operation["security"] = [] if route.scope is None else [{name: [route.scope]} for name in SCHEMES]
    return told


def _operation(route: Route) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "done"}}
    if route.scope is not None:
        problem = {"description": "problem", "content": {MEDIA_TYPE: {"schema": PROBLEM}}}
        answers |= dict.fromkeys(PROBLEMS, problem)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in PARAMETER.findall(route.path)
    ]
    words = PARAMETER.sub(r"\1", route.path).strip("/").replace("/", "_").replace(".", "_")
    return {
        "summary": route.summary or route.name,
        "operationId": f"{route.method.lower()}_{words}",
        "parameters": parameters,
        "responses": answers,
    }

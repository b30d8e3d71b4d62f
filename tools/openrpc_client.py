"""Write a Python client from an OpenRPC document: `python -m tools.openrpc_client [docs/openrpc.json] > client.py`.

The client needs the standard library only. Each method of the document becomes a method of it, with the parameters and
the defaults of the document; an error of the server is raised as an RpcError.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[1] / "docs" / "openrpc.json"
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_HEAD = '''"""The client of {title} {version}, written from its OpenRPC document by tools/openrpc_client.py."""

import http.client
import json
import socket
from typing import Any, Literal


class RpcError(Exception):
    """An error of the server: `code`, and `data`, the error document of `hero-build --json`."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(f"{{message}} ({{code}})")
        self.code = code
        self.data = data


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """`path`: the server's socket. Every call has a connection of its own; `timeout` is in seconds."""

    def __init__(self, path: str, timeout: float | None = None) -> None:
        self._path = path
        self._timeout = timeout

    def call(self, method: str, params: dict[str, Any]) -> Any:
        request = {{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}}
        connection = _Connection(self._path, self._timeout)
        try:
            connection.request("POST", "/rpc", json.dumps(request), {{"Content-Type": "application/json"}})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise RpcError(answer["error"]["code"], answer["error"]["message"], answer["error"].get("data"))
        return answer["result"]
'''


def client(document: Mapping[str, Any]) -> str:
    """The text of a module with the class Client."""
    info = document["info"]
    head = _HEAD.format(title=info["title"], version=info["version"])
    return head + "".join(line for method in document["methods"] for line in _method(method))


def _method(method: Mapping[str, Any]) -> Iterator[str]:
    params = sorted(method["params"], key=lambda param: not param["required"])
    arguments = "".join(f", {_argument(param)}" for param in params)
    names = ", ".join(f'"{param["name"]}": {param["name"]}' for param in params)
    yield f"\n    def {method['name'].replace('.', '_')}(self{arguments}) -> Any:\n"
    yield f'        """{method["summary"]}"""\n'
    yield f'        return self.call("{method["name"]}", {{{names}}})\n'


def _argument(param: Mapping[str, Any]) -> str:
    default = "" if param["required"] else f" = {param['schema'].get('default')!r}"
    return f"{param['name']}: {_type(param['schema'])}{default}"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    if "anyOf" in schema:
        return " | ".join(_type(item) for item in schema["anyOf"])
    return _TYPES.get(schema.get("type", ""), "Any")


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENT
    print(client(json.loads(path.read_text())), end="")


if __name__ == "__main__":
    main()

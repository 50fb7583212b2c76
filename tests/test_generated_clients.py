"""Each service's OpenAPI document is read by other people's tools: a validator, a generator of Python clients and one of TypeScript."""

import json
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from hmlib.api import openapi
from hmlib.testing.generated import python_client

ROOT = Path(__file__).parent.parent
SERVICES = sorted(path.name for path in ROOT.glob("*_srv"))
NPM = ROOT / "tests" / "npm" / "node_modules" / ".bin"


@pytest.fixture(params=SERVICES)
def document(request):
    routes = import_module(f"{request.param}.app").ROUTES
    made = openapi.document(request.param, "1.0", "https://localhost", openapi.operations(routes))
    return json.loads(json.dumps(made))


def test_the_document_is_valid(document):
    validate(document)


def test_a_tuple_would_not_be_read(tmp_path):
    """The control: what the documents are kept free of is what the generator stumbles over."""
    pair = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False}
    answer = {"200": {"description": "Done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pair"}}}}}
    schemas = {"Pair": {"type": "object", "properties": {"pair": pair}}}
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"get": {"responses": answer}}}}
    with pytest.raises(AssertionError):
        python_client({**document, "components": {"schemas": schemas}}, tmp_path / "client")


def test_every_parameter_header_and_error_is_typed(document):
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            where = f"{verb} {path}"
            assert operation["tags"] and operation["summary"], where
            assert all(parameter["schema"].get("type") for parameter in operation["parameters"]), where
            assert {"400", "429", "503", "default"} <= operation["responses"].keys(), where
            if path.startswith("/api/") and verb == "patch":
                assert {"412", "428", "422"} <= operation["responses"].keys(), where
                assert any(parameter["name"] == "If-Match" for parameter in operation["parameters"]), where
            if "201" in operation["responses"]:
                assert {"Location", "ETag"} <= operation["responses"]["201"]["headers"].keys(), where


def test_no_schema_has_a_tuple(document):
    assert "prefixItems" not in json.dumps(document)


def test_a_python_client_is_generated_without_a_warning(document, tmp_path):
    python_client(document, tmp_path / "client")


@pytest.mark.npm
def test_types_for_typescript_are_generated_and_good(document, tmp_path):
    (tmp_path / "document.json").write_text(json.dumps(document))
    for command in ([NPM / "openapi-typescript", "document.json", "-o", "api.ts"], [NPM / "tsc", "--noEmit", "--strict", "api.ts"]):
        done = subprocess.run([str(word) for word in command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

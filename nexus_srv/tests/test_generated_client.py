"""A client that openapi-python-client made of Nexus's document works against Nexus."""

import importlib
import json
import sys

import pytest

from hmlib.api import openapi
from hmlib.testing.generated import python_client
from hmlib.testing.hub import ACME
from nexus_srv.app import ROUTES

pytestmark = pytest.mark.gen_test


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Imports a module of the generated client by its name."""
    folder = tmp_path_factory.mktemp("generated")
    document = openapi.document("Nexus", "1.0", "https://localhost", openapi.operations(ROUTES))
    python_client(json.loads(json.dumps(document)), folder / "nexus_client")
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"nexus_client.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "nexus_client"]:
        del sys.modules[name]


@pytest.fixture
def client(generated, alice, io_loop):
    made = generated("client").AuthenticatedClient(base_url=alice.base_url, token=alice.token)
    yield made
    io_loop.run_sync(made.get_async_httpx_client().aclose)


async def made(generated, client, name, key):
    post, draft = generated("api.assets.post_api_assets"), generated("models.asset_draft").AssetDraft
    answer = await post.asyncio_detailed(client=client, body=draft(company_id=ACME, name=name), idempotency_key=key)
    assert answer.status_code == 201, answer.content
    return answer


async def test_it_lists_and_follows_pages(generated, client):
    for number in range(5):
        await made(generated, client, f"PC-{number}", f"key-of-number-{number}")
    listing = generated("api.assets.get_api_assets")
    whole = await listing.asyncio_detailed(client=client)
    assert sorted(asset.name for asset in whole.parsed) == [f"PC-{number}" for number in range(5)]
    assert {asset.company_name for asset in whole.parsed} == {"Acme Dental"}
    names, cursor = [], {}
    while True:
        page = await listing.asyncio_detailed(client=client, limit=2, sort="name", **cursor)
        assert page.headers["X-Total-Count"] == "5"
        names += [asset.name for asset in page.parsed]
        if "Link" not in page.headers:
            break
        cursor = {"cursor": page.headers["Link"].partition("cursor=")[2].partition(">")[0].partition("&")[0].replace("%3D", "=")}
    assert names == [f"PC-{number}" for number in range(5)]


async def test_what_is_left_out_is_unset(generated, client):
    await made(generated, client, "PC-1", "the-one-and-only-key")
    short = await generated("api.assets.get_api_assets").asyncio(client=client, fields="name")
    unset = generated("types").UNSET
    assert [(asset.name, asset.serial, asset.version) for asset in short] == [("PC-1", unset, unset)]


async def test_it_creates_once_with_one_key_and_updates_only_what_it_has_read(generated, client):
    first = await made(generated, client, "PC-1", "the-one-and-only-key")
    second = await made(generated, client, "PC-1", "the-one-and-only-key")
    assert first.parsed.id == second.parsed.id
    assert len(await generated("api.assets.get_api_assets").asyncio(client=client)) == 1
    patch, change = generated("api.assets.patch_api_assets_id"), generated("models.asset_patch").AssetPatch
    read = await generated("api.assets.get_api_assets_id").asyncio_detailed(first.parsed.id, client=client)
    etag = read.headers["ETag"]
    changed = await patch.asyncio_detailed(first.parsed.id, client=client, body=change(serial="S-1"), if_match=etag)
    assert (changed.status_code, changed.parsed.serial, changed.parsed.name) == (200, "S-1", "PC-1")
    stale = await patch.asyncio_detailed(first.parsed.id, client=client, body=change(serial="S-2"), if_match=etag)
    assert (stale.status_code, stale.parsed.code) == (412, "stale")
    any_version = await patch.asyncio_detailed(first.parsed.id, client=client, body=change(serial="S-2"), if_match="*")
    assert (any_version.status_code, any_version.parsed.serial) == (200, "S-2")

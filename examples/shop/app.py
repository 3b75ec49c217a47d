"""The shop: put together, and opened.

``SHOP_DB`` names the database; without it, it is ``shop.db`` beside this file.
"""

import asyncio
import os
import sys
from pathlib import Path

from perdure import ApiKeySettings, App, AuthSettings, Config, JwtSettings, LocalContext
from shop import orders, products
from shop.credentials import AUDIENCE, ISSUER, Credentials, key_set_file, prepare
from shop.store import Store

HERE = Path(__file__).parent
DATABASE = Path(os.environ.get("SHOP_DB", HERE / "shop.db"))
CREDENTIALS = DATABASE.parent / ".perdure" / "credentials"
WELCOME = """\
the catalogue, for everyone:
  curl {url}/products
Ada orders with an old client, v1.0.0:
  curl {url}/orders -H 'X-API-Key: {ada}' -H 'API-Version: v1' --json '{{"customer": {{"name": "Ada Lovelace", \
"email": "ada@example.com"}}, "items": [{{"sku": "tea-earl-grey", "qty": 2}}]}}'
Grace orders with a new client, v3.0.0:
  curl {url}/orders -H 'X-API-Key: {grace}' -H 'API-Version: v3' --json '{{"customer": {{"first_name": "Grace", \
"last_name": "Hopper", "email": "grace@example.com"}}, "lines": [{{"sku": "tea-earl-grey", "quantity": 2}}]}}'
a clerk sees what everybody ordered:
  curl {url}/orders -H 'Authorization: Bearer {clerk}'
"""

app = App(
    "shop",
    config=Config(
        auth=AuthSettings(
            # Whoever forgets to say who may call a route has closed it.
            deny_by_default=True,
            jwt={
                "staff": JwtSettings(
                    issuer=ISSUER, audience=(AUDIENCE,), algorithms=("ES256",), jwks_file=str(key_set_file(CREDENTIALS))
                )
            },
            api_keys=ApiKeySettings(),
        )
    ),
)
app.mount(products.router)
app.mount(orders.router)

store = Store(DATABASE, HERE / "products.csv")
app.module("store", store)


@app.before
async def note_version(lctx: LocalContext) -> None:
    """Log who still speaks which version: once nobody speaks the oldest, it can go."""
    lctx.log.info("%s speaks %s", lctx.meta.client, lctx.meta.version)


@app.startup
async def open_store() -> None:
    await store.open()


@app.shutdown
def close_store() -> None:
    store.close()


@app.startup
async def prepare_credentials() -> None:
    """Make what opens the doors, if this is the first time; the first of several worker processes shows it."""
    credentials = await asyncio.to_thread(prepare, CREDENTIALS, app.name, app.store)
    url = os.environ.get("PERDURE_URL")
    if url is not None and os.environ.get("PERDURE_WORKER") == "0":
        welcome(url, credentials)


def welcome(url: str, credentials: Credentials) -> None:
    """Show how to begin."""
    sys.stdout.write(WELCOME.format(url=url, clerk=credentials.clerk, **credentials.customers))
    sys.stdout.flush()

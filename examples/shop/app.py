"""The shop: put together, and opened.

``SHOP_DB`` names the database; without it, it is ``shop.db`` beside this file.
"""

import os
import sys
from pathlib import Path

from perdure import App, LocalContext
from shop import orders, products
from shop.store import Store

HERE = Path(__file__).parent
WELCOME = """\
an old client, v1.0.0:
  curl {url}/orders -H 'API-Version: v1' --json '{{"customer": {{"name": "Ada Lovelace", "email": "ada@example.com"}}, \
"items": [{{"sku": "tea-earl-grey", "qty": 2}}]}}'
a new client, v3.0.0:
  curl {url}/orders -H 'API-Version: v3' --json '{{"customer": {{"first_name": "Ada", "last_name": "Lovelace", \
"email": "ada@example.com"}}, "lines": [{{"sku": "tea-earl-grey", "quantity": 2}}]}}'
"""

app = App("shop")
app.mount(products.router)
app.mount(orders.router)

store = Store(Path(os.environ.get("SHOP_DB", HERE / "shop.db")), HERE / "products.csv")
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
def welcome() -> None:
    """Show how to begin; the first of several worker processes does."""
    url = os.environ.get("PERDURE_URL")
    if url is not None and os.environ.get("PERDURE_WORKER") == "0":
        sys.stdout.write(WELCOME.format(url=url))
        sys.stdout.flush()

"""A library's API at two versions, and the revision between them: unions, maps, nested lists, recursion, parameters."""

from pathlib import Path

from perdure.gtype.nodes import (
    Array,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Record,
    Ref,
    String,
    Union,
)
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.delta import delta, write_delta
from perdure.timescape.loading import load_revisions
from perdure.timescape.proving.subject import Subject
from perdure.timescape.timescape import Timescape
from tests.nodes import f, obj, words

__all__ = ["FIRST", "NEW", "OLD", "SECOND", "library", "write_library"]


TEXT = String(max_length=20)
SUBTITLE = Union(members=(String(max_length=20), Null()))
CONTACT = Union(members=(Ref(name="Mail"), Ref(name="Phone")), discriminator="kind")
PATH = obj(id=String())
OLD_TYPES: dict[str, Node] = {
    "Author": obj(name=String(min_length=1, max_length=41)),
    "Genre": words("fiction", "science", "kids"),
    "Price": Integer(ge=0, le=99999),
    "Weight": Number(ge=0, le=100),
    "Mail": obj(kind=Literal(values=("mail",)), address=TEXT),
    "Phone": obj(kind=Literal(values=("phone",)), number=TEXT),
    "Reader": obj(name=TEXT, contact=CONTACT, friends_=Array(items=CONTACT, max_items=3), nick_=TEXT),
    "Book": obj(
        title=TEXT, author=Ref(name="Author"), genre=Ref(name="Genre"), price=Ref(name="Price"),
        weight=Ref(name="Weight"), subtitle_=SUBTITLE, isbn_=TEXT, remarks=Array(items=TEXT, max_items=3),
        chapters=Array(items=Array(items=TEXT, max_items=3), max_items=3), stock=Record(values=Integer(ge=0)),
        blurb_=String(max_length=30),
    ),
    "Shelf": obj(label=TEXT, shelves=Array(items=Ref(name="Shelf"), max_items=3)),
}  # fmt: skip
NEW_TYPES: dict[str, Node] = {
    "Author": obj(given=TEXT, family=TEXT),
    "Genre": words("novel", "science", "children"),
    "Price": String(pattern=r"^[0-9]{1,3}\.[0-9]{2}$"),
    "Weight": Integer(ge=0, le=100_000),
    "Mail": obj(kind=Literal(values=("email",)), address=TEXT),
    "Phone": OLD_TYPES["Phone"],
    "Reader": obj(label=TEXT, contact=CONTACT, friends_=Array(items=CONTACT, max_items=3), nick_=TEXT),
    "Book": obj(
        title=TEXT, author=Ref(name="Author"), genre=Ref(name="Genre"), price=Ref(name="Price"),
        weight=Ref(name="Weight"), subtitle=String(max_length=20), codes=Array(items=TEXT, max_items=1),
        remark=String(max_length=66),
        chapters=Array(items=Array(items=obj(heading=TEXT), max_items=3), max_items=3),
        stock=Record(values=obj(count=Integer(ge=0))), blurb_=String(max_length=30),
    ),
    "Shelf": obj(title=TEXT, shelves=Array(items=Ref(name="Shelf"), max_items=3)),
}  # fmt: skip


def endpoints(book: Node, *, branch: str, extra: dict[str, Endpoint]) -> dict[str, Endpoint]:
    return {
        "POST /books": Endpoint(handler="add", body=book, response=Ref(name="Reader")),
        "GET /books": Endpoint(
            handler="list", query=obj(genre_=Ref(name="Genre"), limit_=Integer(ge=1, le=50)),
            headers=obj(f(branch, TEXT)), response=Array(items=Ref(name="Author")),
        ),
        "PUT /reader": Endpoint(handler="join", body=Ref(name="Reader"), response=Ref(name="Genre")),
        "PUT /shelves": Endpoint(handler="arrange", body=Ref(name="Shelf"), response=Ref(name="Weight")),
        **extra,
    }  # fmt: skip


OLD = Api(
    types=OLD_TYPES,
    endpoints=endpoints(
        Ref(name="Book"),
        branch="X-Branch",
        extra={
            "DELETE /books/{id}": Endpoint(handler="drop", params=PATH, response=Ref(name="Author")),
        },
    ),
)
NEW = Api(
    types=NEW_TYPES,
    endpoints=endpoints(
        Ref(name="Book"),
        branch="X-Library",
        extra={
            "POST /books/{id}/withdraw/{reason}": Endpoint(
                handler="drop", params=obj(id=String(), reason=words("lost", "sold")), response=Ref(name="Author"),
                status=202,
            )
        },
    ),
)  # fmt: skip

FIRST = '"""It opens."""\nfrom perdure import Revision\n\nrevision = Revision("2025-01-01", label="v1.0.0")\n'
SECOND = '''"""Everything changes."""

from typing import Any

from perdure import RequestParts, ResponseParts, Revision

revision = Revision("2025-02-01", label="v2.0.0", after="first")

revision.moved("DELETE /books/{id}", to="POST /books/{id}/withdraw/{reason}")
revision.lossless("Weight", keeps="new")
revision.lossless("Genre")

NEW_GENRES = {"fiction": "novel", "science": "science", "kids": "children"}
OLD_GENRES = {"novel": "fiction", "science": "science", "children": "kids"}
NO_CODES: list[str] = []


@revision.request("Author")
def new_author(author: dict[str, str]) -> dict[str, str]:
    given, _, family = author["name"].partition(" ")
    return {"given": given[:20], "family": family[:20]}


@revision.response("Author")
def old_author(author: dict[str, str]) -> dict[str, str]:
    return {"name": f"{author['given']} {author['family']}"}


@revision.request("Genre")
def new_genre(genre: str) -> str:
    return NEW_GENRES[genre]


@revision.response("Genre")
def old_genre(genre: str) -> str:
    return OLD_GENRES[genre]


@revision.request("Price")
def new_price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


@revision.request("Weight")
def new_weight(kilograms: float) -> int:
    return round(kilograms * 1000)


@revision.response("Weight")
def old_weight(grams: int) -> float:
    return grams / 1000


@revision.request("Mail")
def new_mail(mail: dict[str, Any]) -> dict[str, Any]:
    return mail | {"kind": "email"}


@revision.response("Mail")
def old_mail(mail: dict[str, Any]) -> dict[str, Any]:
    return mail | {"kind": "mail"}


@revision.request("Reader")
def new_reader(reader: dict[str, Any]) -> dict[str, Any]:
    reader["label"] = reader.pop("name")
    return reader


@revision.response("Reader")
def old_reader(reader: dict[str, Any]) -> dict[str, Any]:
    reader["name"] = reader.pop("label")
    return reader


@revision.request("Book")
def new_book(book: dict[str, Any]) -> dict[str, Any]:
    remarks = book.pop("remarks")
    book["remark"] = "; ".join(remarks)
    book["subtitle"] = book.get("subtitle") or ""
    book["codes"] = [book.pop("isbn")] if "isbn" in book else []
    book["chapters"] = [[{"heading": each} for each in part] for part in book["chapters"]]
    book["stock"] = {branch: {"count": count} for branch, count in book["stock"].items()}
    return book


@revision.request("GET /books")
def new_search(request: RequestParts) -> None:
    request.headers["x-library"] = request.headers.pop("x-branch")


@revision.request("DELETE /books/{id}")
def give_a_reason(request: RequestParts) -> None:
    request.path["reason"] = "lost"


@revision.response("DELETE /books/{id}")
def say_it_is_done(response: ResponseParts) -> None:
    response.status = 200


@revision.request("PUT /shelves")
def call_it_title(request: RequestParts) -> None:
    request.body = retitled(request.body)


def retitled(shelf: Any) -> dict[str, Any]:
    return {"title": shelf["label"], "shelves": [retitled(each) for each in shelf["shelves"]]}


@revision.problem("POST /books")
def old_problem(response: ResponseParts) -> None:
    assert isinstance(response.body, dict)
    response.body["error"] = response.body["title"]
    if "detail" in response.body:
        response.body["detail"] = response.body["detail"].lower()
'''


def write_library(folder: Path, second: str = SECOND) -> Path:
    """Write the revisions into *folder* and return the file of the second."""
    folder.mkdir(exist_ok=True)
    (folder / "first.py").write_text(FIRST, "utf-8")
    (folder / "second.py").write_text(second, "utf-8")
    write_delta(folder, "first", delta(Api(), OLD))
    write_delta(folder, "second", delta(OLD, NEW))
    return folder / "second.py"


def library(folder: Path) -> Subject:
    return Subject(timescape=Timescape(load_revisions(folder)), code=NEW)

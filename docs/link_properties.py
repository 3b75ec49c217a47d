"""Write into properties.md which property has a test: python docs/link_properties.py."""

import re
from pathlib import Path

DOCS = Path(__file__).parent
PAGE = DOCS / "properties.md"
TESTS = DOCS.parent / "tests" / "properties"
ROW = re.compile(r"^(\| (\d+) \| [^|]+ \|)[^|]*\|$", re.MULTILINE)


def main() -> None:
    tests = {int(path.name.split("_")[2]): path.name for path in TESTS.glob("test_property_*.py")}

    def linked(row: re.Match[str]) -> str:
        name = tests.get(int(row[2]))
        return f"{row[1]} [{name}](../tests/properties/{name}) |" if name else f"{row[1]} |"

    PAGE.write_text(ROW.sub(linked, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

"""`perdure dashboards`: what Grafana and Prometheus are set up with."""

from pathlib import Path

import msgspec

from perdure.cli.console import complain, say
from perdure.cli.plan import EXIT_FAILED, EXIT_OK

__all__ = ["write_dashboards"]

_DASHBOARD = "perdure-dashboard.json"
_ALERTS = "perdure-alerts.yaml"
_NOTE = "# Made by `perdure dashboards`. The limits are where to begin: set them to what your API promises.\n"


def write_dashboards(folder: Path) -> int:
    """Write both files into *folder*, which is made where it does not exist; return the exit code."""
    import yaml

    from perdure.telemetry.alerts import alert_rules
    from perdure.telemetry.dashboards import dashboard

    shown = msgspec.json.format(msgspec.json.encode(dashboard()), indent=2) + b"\n"
    rules = yaml.safe_dump(alert_rules(), sort_keys=False, allow_unicode=True, width=10_000)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, written in ((_DASHBOARD, shown), (_ALERTS, (_NOTE + rules).encode())):
            (folder / name).write_bytes(written)
            say(f"wrote {folder / name}")
    except OSError as error:
        complain(f"{error.filename or folder} cannot be written: {error.strerror}")
        return EXIT_FAILED
    return EXIT_OK

"""The shop opens"""

from perdure import Revision

revision = Revision("2025-01-15", label="v1.0.0")

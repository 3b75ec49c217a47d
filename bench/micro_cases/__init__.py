"""What is timed alone: each function prepares one small thing and returns the call to time."""

import sys

from harness.servers import BENCH

sys.path.append(str(BENCH / "servers"))  # the modules there find each other as they do when served

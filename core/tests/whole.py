"""How much of the long tests is played: a part in every run, everything with STORM=whole in the environment."""

import os

IS_WHOLE = os.environ.get("STORM") == "whole"

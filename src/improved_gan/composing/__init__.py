"""From command-line overrides to checked configs: Hydra composes, every complaint becomes one sentence.

Nothing here imports torch, so a wrong request is answered at once.
"""

from improved_gan.composing.identity import affects_result, run_name
from improved_gan.composing.jobs import compose_jobs, unhashed_defaults
from improved_gan.composing.keys import conf_folder, groups, known_keys, register_schema
from improved_gan.composing.request import Request, request_for

__all__ = [
    "Request",
    "affects_result",
    "compose_jobs",
    "conf_folder",
    "groups",
    "known_keys",
    "register_schema",
    "request_for",
    "run_name",
    "unhashed_defaults",
]

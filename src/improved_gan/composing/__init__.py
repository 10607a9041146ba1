"""From command-line overrides to checked configs: Hydra composes, every complaint becomes one sentence.

Nothing here imports torch, so a wrong request is answered at once.
"""

from improved_gan.composing.identity import SCHEMA_VERSION, affects_result, digest_of, run_name
from improved_gan.composing.jobs import completing_defaults, compose_jobs, load_asked_for
from improved_gan.composing.keys import conf_folder, groups, known_keys, register_schema
from improved_gan.composing.migration import VERSION, migrated
from improved_gan.composing.request import Request, identified, request_for

__all__ = [
    "SCHEMA_VERSION",
    "VERSION",
    "Request",
    "affects_result",
    "completing_defaults",
    "compose_jobs",
    "conf_folder",
    "digest_of",
    "groups",
    "identified",
    "known_keys",
    "load_asked_for",
    "migrated",
    "register_schema",
    "request_for",
    "run_name",
]

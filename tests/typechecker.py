"""The checker of annotations in tests: beartype, for which an int is a float too, as for every other Python tool."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))

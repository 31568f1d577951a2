"""The run-time type checker of the test suite: beartype, with an int accepted for a float as PEP 484 has it."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))

"""Calls every operation of the sandbox through a validating proxy. `scripts/conformance --help` tells how."""

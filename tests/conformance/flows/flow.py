"""What all flows share."""

FLOWS = []


def flow(scenario):
    """Takes a scenario into the run."""
    FLOWS.append(scenario)
    return scenario


def show(m, path, *expand):
    """An object of the platform, with fields expanded."""
    return m.shop.get(path, expand=list(expand)).ok()

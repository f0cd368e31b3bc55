"""What there is to be done, which rows of the ledger it settles, and what it takes."""

from dataclasses import dataclass
from typing import Callable

# Hours of an instance at half an ACU; two while one is scaled up or replaced are the exception.
ACUS = 0.5
EXPERIMENTS = []


@dataclass
class Experiment:
    run: Callable
    rows: tuple
    minutes: int
    instances: int
    more_dollars: float

    def name(self):
        return self.run.__name__

    def about(self):
        return " ".join(self.run.__doc__.split())

    def dollars(self, acu_price):
        """Instance-hours of the experiment's own and of the source, which runs beside it."""
        return self.minutes / 60 * (self.instances + (self.minutes > 1)) * ACUS * acu_price + self.more_dollars


def experiment(*rows, minutes=1, instances=0, more_dollars=0.0):
    def register(run):
        EXPERIMENTS.append(Experiment(run, rows, minutes, instances, more_dollars))
        return run

    return register


def load():
    """All of them, in the order in which they are best done."""
    import restores, changes, snapshots, slots, small, policies  # noqa: E401, F401

    return EXPERIMENTS

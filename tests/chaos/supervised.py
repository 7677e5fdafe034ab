"""``python -m tests.chaos.supervised``: one worker tree under the product's own supervisor, as ``make run`` has it."""

import logging
import sys

from bo1site.supervisor import Child, Supervisor

if __name__ == "__main__":
    logging.basicConfig(level="WARNING", format="%(asctime)s supervisor: %(message)s")
    worker = Child("worker", [sys.executable, "manage.py", "boardworker"], env={"BO1_ROLE": "worker"}, grace=20)
    sys.exit(Supervisor([worker]).run())

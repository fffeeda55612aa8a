"""What the crash tests kill: a real process that runs one form and saves its video, and dies where it is told to.

python one_run.py BASE_URL LEDGER TARGET KEY [POINT [WEBHOOK_BASE]]
"""

import os
import signal
import sys
import time
from pathlib import Path

from lipsync_nodes import ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.flows import Policy
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile

base_url, ledger_path, target, key, point, webhook_base = [*sys.argv[1:], "", ""][:6]


class DeadlyLedger(Ledger):
    """Kills its process before or after an event is written down, as the power could."""

    def record(self, event, profile):
        name = type(event).__name__
        die_at(f"before {name}")
        answer = super().record(event, profile)
        die_at(f"after {name}")
        return answer

    def saved(self, job_id, path):
        die_at("just renamed")
        super().saved(job_id, path)


def die_at(here):
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        time.sleep(60)


ledger = DeadlyLedger(ledger_path)
form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
try:
    profile = Profile(api_key="sk_crash_0123456789", base_url=base_url, webhook=webhook_base or None)
    options = {"webhook": "auto", "poll_interval": 60} if webhook_base else {"poll_interval": 0.05}
    with LipsyncClient(profile=profile, ledger=ledger, policy=Policy(request_timeout=2.0)) as client:
        job = client.run(form, key=key, timeout=30, target=target, **options)
        client.download(job, Path(target))
except LipsyncError as error:
    sys.exit(f"{type(error).__name__}: {error}")
sys.stdout.write(job.id)

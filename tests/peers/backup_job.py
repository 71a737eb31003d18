"""A nightly backup that tells how it went: JOB INSTANCE COMMAND...

Runs the command, which writes the size of what it saved, and pushes success, duration, size and the time of the last
run. GATEWAY, TOKEN_FILE and SSL_CERT_FILE say where to and as whom; ENDED stands for the end of a run of another day.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from prometheus_client.exposition import basic_auth_handler

job, instance, *command = sys.argv[1:]
token = Path(os.environ["TOKEN_FILE"]).read_text(encoding="ascii").strip()


def with_token(url, method, timeout, headers, data):
    return basic_auth_handler(url, method, timeout, headers, data, "token", token)


start = time.time()
run = subprocess.run(command, capture_output=True, text=True, check=False)
succeeded = run.returncode == 0

registry = CollectorRegistry()
Gauge("backup_success", "Whether the last run succeeded.", registry=registry).set(succeeded)
Gauge("backup_duration_seconds", "Time of the last run.", registry=registry).set(time.time() - start)
Gauge("backup_size_bytes", "What the last run saved.", registry=registry).set(int(run.stdout) if succeeded else 0)
Gauge("backup_last_timestamp", "When the last run ended.", registry=registry).set(
    float(os.environ.get("ENDED") or time.time())
)
push_to_gateway(
    os.environ["GATEWAY"], job=job, grouping_key={"instance": instance}, registry=registry, handler=with_token
)

"""A push of 10 MB by prometheus_client with a wrong password: prints the status it was refused with, or the failure."""

import sys
import urllib.error

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from prometheus_client.exposition import basic_auth_handler


def with_wrong_password(url, method, timeout, headers, data):
    return basic_auth_handler(url, method, timeout, headers, data, "token", "wrong")


registry = CollectorRegistry()
Gauge("large", "x" * 10_000_000, registry=registry).set(1)
try:
    push_to_gateway(sys.argv[1], job="large", registry=registry, handler=with_wrong_password)
    print("accepted")
except urllib.error.HTTPError as refusal:
    print(f"status {refusal.code} {refusal.reason}")
except OSError as failure:
    print(f"no answer: {failure!r}")

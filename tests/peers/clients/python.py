"""One call of prometheus_client: URL SECRET_FILE (push | add | delete) NAME VALUE GROUPED [USER].

Prints what the library tells. SECRET_FILE holds a token, or the password of USER; empty, nothing is sent. CERT and KEY, where
set, are files of a client certificate, and then nothing else is sent.
"""

import os
import sys

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import delete_from_gateway, push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler, tls_auth_handler

url, secret_file, verb, name, value, grouped, *user = sys.argv[1:]
# With a token as the password, any.
user = user[0] if user else "token"


def with_password(url, method, timeout, headers, data):
    with open(secret_file, encoding="ascii") as file:
        password = file.read().strip()
    return basic_auth_handler(url, method, timeout, headers, data, user, password)


def with_certificate(url, method, timeout, headers, data):
    cert, key, ca = (os.environ[name] for name in ("CERT", "KEY", "SSL_CERT_FILE"))
    return tls_auth_handler(url, method, timeout, headers, data, cert, key, ca)


registry = CollectorRegistry()
Gauge(name, "A gauge.", registry=registry).set(float(value))
handler = with_certificate if "CERT" in os.environ else with_password if secret_file else default_handler
group = {"job": "library", "grouping_key": {"grouped": grouped}, "handler": handler}
try:
    if verb == "delete":
        delete_from_gateway(url, **group)
    else:
        {"push": push_to_gateway, "add": pushadd_to_gateway}[verb](url, registry=registry, **group)
except OSError as failure:
    sys.exit(str(failure))

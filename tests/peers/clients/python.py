"""One call of prometheus_client: URL TOKEN_FILE (push | add | delete) NAME VALUE GROUPED. Prints what the library tells.

An empty TOKEN_FILE sends no token; CERT and KEY, where set, are files of a client certificate, and then no token is sent."""

import os
import sys

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import delete_from_gateway, push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler, tls_auth_handler

url, token_file, verb, name, value, grouped = sys.argv[1:]


def with_token(url, method, timeout, headers, data):
    with open(token_file, encoding="ascii") as file:
        token = file.read().strip()
    return basic_auth_handler(url, method, timeout, headers, data, "token", token)


def with_certificate(url, method, timeout, headers, data):
    cert, key, ca = (os.environ[name] for name in ("CERT", "KEY", "SSL_CERT_FILE"))
    return tls_auth_handler(url, method, timeout, headers, data, cert, key, ca)


registry = CollectorRegistry()
Gauge(name, "A gauge.", registry=registry).set(float(value))
handler = with_certificate if "CERT" in os.environ else with_token if token_file else default_handler
group = {"job": "library", "grouping_key": {"grouped": grouped}, "handler": handler}
try:
    if verb == "delete":
        delete_from_gateway(url, **group)
    else:
        {"push": push_to_gateway, "add": pushadd_to_gateway}[verb](url, registry=registry, **group)
except OSError as failure:
    sys.exit(str(failure))

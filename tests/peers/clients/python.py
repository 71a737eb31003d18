"""One call of prometheus_client: URL PASSWORD_FILE (push | add | delete) NAME VALUE GROUPED [USER].

Prints what the library tells.
"""

import sys

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import delete_from_gateway, push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import basic_auth_handler

url, password_file, verb, name, value, grouped, *user = sys.argv[1:]
with open(password_file, encoding="ascii") as file:
    password = file.read().strip()
# With a token as the password, any.
user = user[0] if user else "token"


def with_password(url, method, timeout, headers, data):
    return basic_auth_handler(url, method, timeout, headers, data, user, password)


registry = CollectorRegistry()
Gauge(name, "A gauge.", registry=registry).set(float(value))
group = {"job": "library", "grouping_key": {"grouped": grouped}, "handler": with_password}
try:
    if verb == "delete":
        delete_from_gateway(url, **group)
    else:
        {"push": push_to_gateway, "add": pushadd_to_gateway}[verb](url, registry=registry, **group)
except OSError as failure:
    sys.exit(str(failure))

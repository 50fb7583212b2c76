"""The design we do not have: a small Flask application that asks the directory with a blocking call of its own for every page."""

import os

import requests
from flask import Flask, abort, render_template_string, request
from werkzeug.serving import make_server

from hmlib.config import load

ROWS = """
<section class="card" id="companies-rows"><table class="table">
<thead><tr><th>Name</th><th>Account</th><th>Status</th><th>City</th><th>Phone</th></tr></thead>
<tbody>{% for company in companies %}<tr id="company-{{ company.id }}"><td><a href="/companies/{{ company.id }}">{{ company.name }}</a></td>
<td>{{ company.account_number }}</td><td>{{ company.status }}</td><td>{{ company.city }}</td><td>{{ company.main_phone }}</td></tr>
{% endfor %}</tbody></table></section>
"""
application = Flask(__name__)
settings = load("nexus", os.environ)


@application.get("/companies/rows")
def rows() -> str:
    """The caller's token goes on to the directory, which answers one page of companies."""
    token = request.headers.get("Authorization") or abort(401)
    answer = requests.get(
        f"{settings.nexus_url}/api/companies?limit=25", headers={"Authorization": token}, verify=str(settings.ca_file), timeout=10
    )
    answer.raise_for_status()
    return render_template_string(ROWS, companies=answer.json())


if __name__ == "__main__":
    make_server(
        "127.0.0.1", 0, application, fd=0, threaded=False, ssl_context=(str(settings.cert_file), str(settings.key_file))
    ).serve_forever()

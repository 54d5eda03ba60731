"""Answers a DNS challenge with Python's own library: python_challenge.py present NAME VALUE"""

import base64
import json
import sys
import urllib.request

SERVER = "https://starchart.example.edu"
TOKEN = "sc_YOUR_TOKEN"


def request(verb: str, name: str, value: str) -> dict:
    """Presents or cleans up the value of the challenge for a name."""
    body = json.dumps({"fqdn": f"_acme-challenge.{name}.", "value": value})
    credentials = base64.b64encode(f"python:{TOKEN}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
    url = f"{SERVER}/httpreq/{verb}"
    call = urllib.request.Request(url, body.encode(), headers)
    with urllib.request.urlopen(call, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    print(request(*sys.argv[1:4]))

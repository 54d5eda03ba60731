"""dns-lexicon (pip install dns-lexicon), as a library:

    python3 dns_lexicon.py create www A 192.0.2.1
    python3 dns_lexicon.py list www A
    python3 dns_lexicon.py update www A 192.0.2.1 192.0.2.2
    python3 dns_lexicon.py delete www A 192.0.2.2

The target of a CNAME record is a name below the domain: lexicon appends the domain to others.
Its command `lexicon powerdns` works too, where a public resolver knows the zone: it asks for it.
"""

import sys

from lexicon.client import Client
from lexicon.config import ConfigResolver

DOMAIN = "user1.starchart.com"


def run(action: str, name: str, rtype: str, *values: str) -> object:
    """Creates, lists, updates or deletes records of one name and type."""
    settings = {
        "provider_name": "powerdns",
        "domain": DOMAIN,
        "delegated": DOMAIN,
        "powerdns": {
            "pdns_server": "https://starchart.example.edu",
            "auth_token": "sc_YOUR_TOKEN",
        },
    }
    with Client(ConfigResolver().with_dict(settings)) as operations:
        if action == "create":
            return operations.create_record(rtype, name, values[0])
        if action == "list":
            return operations.list_records(rtype, name)
        if action == "update":
            old, new = values
            found = operations.list_records(rtype, name, old)
            return operations.update_record(found[0]["id"], rtype, name, new)
        return operations.delete_record(None, rtype, name, *values)


if __name__ == "__main__":
    print(run(*sys.argv[1:]))

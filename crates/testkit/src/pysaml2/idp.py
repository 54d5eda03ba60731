"""An identity provider for tests on pysaml2: a form, a password, a signed response.

Arguments: the port, and a folder with idp.pem, idp.crt, users.json, sp.xml (the service provider's metadata) and signed
(assertion, response or both). The last two are read at every request, so that a test may change them. A third argument is the
public URL; the server then listens on all addresses.
"""

import html
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_UNSPECIFIED, NAMEID_FORMAT_PERSISTENT
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
URL = sys.argv[3] if len(sys.argv) > 3 else f"http://127.0.0.1:{PORT}"
USERS = json.loads((FOLDER / "users.json").read_text())


def config(metadata):
    settings = {
        "entityid": f"{URL}/metadata",
        "service": {
            "idp": {
                "endpoints": {"single_sign_on_service": [(f"{URL}/sso", BINDING_HTTP_REDIRECT)]},
                "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_UNSPECIFIED}},
                "signing_algorithm": SIG_RSA_SHA256,
                "digest_algorithm": DIGEST_SHA256,
            }
        },
        "key_file": str(FOLDER / "idp.pem"),
        "cert_file": str(FOLDER / "idp.crt"),
    }
    if metadata:
        settings["metadata"] = {"local": [str(FOLDER / "sp.xml")]}
    return IdPConfig().load(settings)


def login_form(query, wrong):
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(query.get(name, ""))}">'
        for name in ("SAMLRequest", "RelayState")
    )
    return (
        f"<h1>Login</h1>{'<p>Wrong user name or password.</p>' if wrong else ''}"
        f'<form method="post" action="{URL}/login">{fields}<label>Username <input name="username"></label>'
        '<label>Password <input type="password" name="password"></label><button>Login</button></form>'
    )


def answer(query, user):
    """A page whose form carries the response to the assertion consumer service of the request."""
    server = Server(config=config(metadata=True))
    request = server.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT)
    where = server.response_args(request.message, [BINDING_HTTP_POST])
    signed = (FOLDER / "signed").read_text()
    attributes = {name: user[name] for name in ("sAMAccountName", "displayname", "email", "group")}
    response = server.create_authn_response(
        attributes,
        userid=user["sAMAccountName"],
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": URL},
        sign_assertion=signed != "response",
        sign_response=signed != "assertion",
        **{key: where[key] for key in ("in_response_to", "sp_entity_id", "name_id_policy", "destination")},
    )
    return "".join(server.apply_binding(BINDING_HTTP_POST, str(response), where["destination"], query["RelayState"], response=True)["data"])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        if address.path == "/metadata":
            self.send("application/samlmetadata+xml", str(entity_descriptor(config(metadata=False))))
        elif address.path == "/sso":
            self.send("text/html", login_form({name: values[0] for name, values in parse_qs(address.query).items()}, False))
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        user = USERS.get(form.get("username"))
        right = user is not None and user["password"] == form.get("password")
        self.send("text/html", answer(form, user) if right else login_form(form, True))

    def send(self, kind, text):
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("0.0.0.0" if len(sys.argv) > 3 else "127.0.0.1", PORT), Handler).serve_forever()

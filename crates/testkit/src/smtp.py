"""A mail server for tests: aiosmtpd for submission (RFC 6409), controlled by a file.

smtp.py PORT FOLDER starttls|tls [ADDRESS]     Listens on 127.0.0.1 by default. FOLDER has cert.pem, key.pem and knobs.json, which
is read for each command: user, password, token, refuse, refuse_sender, hang, replies and smtputf8. Mails are written to FOLDER/mails.
"""

import asyncio
import base64
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

PORT, FOLDER, MODE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ADDRESS = sys.argv[4] if len(sys.argv) > 4 else "127.0.0.1"
MAILS = os.path.join(FOLDER, "mails")


def knobs():
    with open(os.path.join(FOLDER, "knobs.json"), encoding="utf-8") as file:
        return json.load(file)


def note(name):
    """Counts an event in a file, for the test to read."""
    with open(os.path.join(FOLDER, name), "a", encoding="utf-8") as file:
        file.write(".")


def count(name):
    path = os.path.join(FOLDER, name)
    return os.path.getsize(path) if os.path.exists(path) else 0


def keep(envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    received = {
        "envelope_from": envelope.mail_from,
        "envelope_to": envelope.rcpt_tos,
        "from": str(message["From"]),
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "message_id": str(message["Message-ID"]),
        "body": message.get_content(),
        "raw": envelope.content.decode("utf-8", "replace"),
    }
    path = os.path.join(MAILS, f"{len(os.listdir(MAILS)):06}.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(received, file)
    os.rename(path + ".part", path)


class Server(SMTP):
    """Words its replies as `replies` says: forms that RFC 5321 permits, or that servers in use have."""

    async def push(self, status):
        text = status if isinstance(status, str) else status.decode()
        style, code, separator, rest = knobs().get("replies", ""), text[:3], text[3:4], text[4:]
        keywords = ("SIZE", "8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH", "HELP")
        if style == "lower case" and rest.startswith(keywords):
            rest = rest.lower()
        elif style == "mixed case" and rest.startswith(keywords):
            rest = rest.title()
        elif style == "AUTH=" and rest.startswith("AUTH "):
            rest = rest.replace("AUTH ", "AUTH=", 1)
        elif style == "codes only" and separator == " " and code != "334":
            separator = rest = ""
        elif style == "Latin-1" and not rest.startswith(keywords) and code != "334":
            rest += " gr\u00fc\u00dfe"
        elif style == "long" and not rest.startswith(keywords) and code != "334":
            rest += " " + "x" * 2000
        elif style == "lines" and separator == " " and code != "334":
            await super().push(f"{code}-one".encode())
            await super().push(f"{code}-".encode())
        elif style == "571" and code == "550":
            code = "571"
        await super().push(f"{code}{separator}{rest}".encode("latin-1"))


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = knobs().get("refuse_sender")
        if refusal:
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = knobs().get("refuse", {}).get(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        keep(envelope)
        if count("hung") < knobs().get("hang", 0):
            note("hung")
            await asyncio.sleep(3600)
        return "250 2.0.0 kept"

    async def auth_XOAUTH2(self, server, args):
        # user=NAME^Aauth=Bearer TOKEN^A^A; before a refusal comes a challenge, as from Microsoft's server.
        said = base64.b64decode(args[1]).decode() if len(args) > 1 else ""
        note("signed-in")
        if said == f"user={knobs()['user']}\x01auth=Bearer {knobs()['token']}\x01\x01":
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)


def authenticate(server, session, envelope, mechanism, data):
    note("signed-in")
    right = (data.login.decode(), data.password.decode()) == (knobs()["user"], knobs()["password"])
    return AuthResult(success=right, handled=False)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.path.join(FOLDER, "cert.pem"), os.path.join(FOLDER, "key.pem"))
    starttls = MODE == "starttls"

    def protocol():
        note("connections")
        return Server(
            Handler(),
            enable_SMTPUTF8=knobs().get("smtputf8", False),
            hostname="mail.school.example",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=True,
            auth_require_tls=starttls,
            authenticator=authenticate,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, ADDRESS, PORT, ssl=None if starttls else context)
    async with server:
        await server.serve_forever()


asyncio.run(main())

"""A user with a browser, for script/prove: signs in, creates records, requests a certificate.

With --port it connects to the TLS proxy of the stack on loopback, whatever host a URL names. With --app and --idp it uses
these addresses (the demo's). Cookies are kept in a file, so the next call continues the same session. Standard library only.
"""

import argparse
import http.client
import http.cookiejar
import json
import pathlib
import re
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

TIMEOUT_S = 20


class Forms(HTMLParser):
    """The forms of a page, each with action, method and fields."""

    def __init__(self, page):
        super().__init__()
        self.forms = []
        self.select = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self.forms.append({"action": values.get("action", ""), "method": values.get("method", "get").lower(), "fields": {}})
        elif tag in ("input", "button", "textarea", "select") and self.forms and values.get("name"):
            is_submit = tag == "button" or values.get("type") == "submit"
            if not is_submit or values["name"] not in self.forms[-1]["fields"]:
                self.forms[-1]["fields"][values["name"]] = values.get("value") or ""


class Browser:
    def __init__(self, options):
        self.app, self.idp, port, cookies = options.app, options.idp, options.port, options.cookies
        self.cookies = http.cookiejar.LWPCookieJar(cookies)
        if cookies and pathlib.Path(cookies).exists():
            self.cookies.load(ignore_discard=True)
        if port is None:
            self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
            return
        context = ssl.create_default_context(cafile=options.ca)

        class ToProxy(http.client.HTTPSConnection):
            """Connects to the proxy for every host name, as the school's DNS would."""

            def _create_connection(self, _address, *arguments):
                import socket

                return socket.create_connection(("127.0.0.1", port), *arguments)

            def __init__(self, *arguments, **keywords):
                super().__init__(*arguments, **keywords)
                self._create_connection = ToProxy._create_connection.__get__(self)

        class Handler(urllib.request.HTTPSHandler):
            def https_open(self, request):
                return self.do_open(ToProxy, request, context=context)

        self.opener = urllib.request.build_opener(Handler(), urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, url, fields=None, headers=None):
        """Returns the page after all redirects: status, address, text."""
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        headers = headers or {"Sec-Fetch-Site": "none"}
        request = urllib.request.Request(urllib.parse.urljoin(self.app, url), data, headers)
        try:
            answer = self.opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read().decode("utf-8", "replace")
        if self.cookies.filename:
            self.cookies.save(ignore_discard=True)
        return answer.status, answer.url, text

    def post(self, url, fields):
        return self.open(url, fields, {"Origin": self.app, "Sec-Fetch-Site": "same-origin"})

    def form(self, page, action):
        status, address, text = page
        for form in Forms(text).forms:
            if form["action"] == action and form["method"] == "post":
                return form
        sys.exit(f"no form to {action} at {address} ({status}):\n{text[:2000]}")

    def sign_in(self, user, password):
        page = self.open("/login")
        if page[0] == 200 and "/login" not in page[1]:
            return  # still signed in
        status, address, text = self.post("/login", self.form(page, "/login")["fields"])
        if not address.startswith(self.idp):
            sys.exit(f"not sent to the school: {status} {address}\n{text[:1000]}")
        if "SAMLResponse" not in text:
            form = next(form for form in Forms(text).forms if "password" in form["fields"])
            fields = form["fields"] | {"username": user, "password": password}
            status, address, text = self.open(address.split("?")[0], fields)
        form = next((form for form in Forms(text).forms if "SAMLResponse" in form["fields"]), None)
        if form is None:
            sys.exit(f"the school did not let {user} in: {status} {address}\n{text[:2000]}")
        status, address, text = self.open(form["action"], form["fields"], {"Origin": self.idp, "Sec-Fetch-Site": "cross-site"})
        if status != 200 or not address.startswith(self.app) or "/login" in address:
            sys.exit(f"not signed in: {status} {address}\n{text[:2000]}")

    def create(self, name, rtype, value):
        form = self.form(self.open("/dns-records/new"), "/dns-records/new")
        page = self.post("/dns-records/new", form["fields"] | {"subdomain": name, "type": rtype, "value": value})
        if page[0] != 200 or not page[1].endswith("/dns-records"):
            sys.exit(f"not created: {page[0]} {page[1]}\n{page[2][:3000]}")

    def records(self):
        status, address, text = self.open("/dns-records")
        if status != 200 or not address.endswith("/dns-records"):
            sys.exit(f"no records page: {status} {address}")
        return sorted(set(re.findall(r'href="/dns-records/(\d+)"', text)), key=int), text

    def act(self, number, intent):
        form = self.form(self.open("/dns-records"), "/dns-records")
        return self.post("/dns-records", {"csrf_token": form["fields"]["csrf_token"], "id": number, "intent": intent})

    def renew(self, number):
        return self.act(number, "renew-dns-record")

    def delete(self, number):
        status, address, text = self.act(number, "delete-dns-record")
        if status != 200:
            sys.exit(f"not deleted: {status} {address}\n{text[:2000]}")

    def request_certificate(self):
        form = self.form(self.open("/certificate"), "/certificate")
        status, address, text = self.post("/certificate", form["fields"])
        if status != 200:
            sys.exit(f"not asked for: {status} {address}\n{text[:2000]}")

    def certificate(self, part):
        status, address, text = self.open(f"/certificate/download/{part}")
        return text if status == 200 and text.startswith("-----BEGIN") else None


def load(options):
    """Requests pages in a loop until the time is over, while one visitor renews a record repeatedly; every answer other than
    200 counts as failed."""
    end, done, failed, lock = time.monotonic() + options.seconds, [0], [], threading.Lock()

    def visitor(number):
        browser = Browser(options)
        browser.cookies.filename = None
        while time.monotonic() < end:
            # Not /healthcheck, which answers 503 to the proxy on purpose while a replica shuts down.
            path = ("/dns-records", "/version", "/dns-records/new")[number % 3]
            try:
                if number == 0:
                    path = "renewing"
                    # No faster than the rate limit for writes allows.
                    time.sleep(4)
                    status, address, _ = browser.renew(browser.records()[0][0])
                else:
                    status, address, _ = browser.open(path)
                problem = None if status == 200 else f"{path}: {status} {address}"
            except (OSError, http.client.HTTPException, SystemExit) as error:
                problem = f"{path}: {error}"
            with lock:
                done[0] += 1
                if problem:
                    failed.append(f"{time.strftime('%H:%M:%S')} {problem}")
            time.sleep(0.02)

    visitors = [threading.Thread(target=visitor, args=(number,)) for number in range(options.visitors)]
    for thread in visitors:
        thread.start()
    for thread in visitors:
        thread.join()
    print(json.dumps({"requests": done[0], "failed": len(failed), "first": failed[:5]}))
    sys.exit(1 if failed or not done[0] else 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", default="https://names.school.example", help="the application's URL")
    parser.add_argument("--idp", default="https://idp.school.example", help="the identity provider's URL")
    parser.add_argument("--port", type=int, help="the TLS proxy's port on loopback; without it, connect to the URLs as they are")
    parser.add_argument("--ca", help="the root certificate of the proxy")
    parser.add_argument("--cookies", help="the file with this user's cookies")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = {name: verbs.add_parser(name) for name in ("sign-in", "create", "delete", "records", "get", "request-certificate", "certificate", "load")}
    for name, words in {"sign-in": "user password", "create": "name type value", "delete": "number", "get": "path", "certificate": "part"}.items():
        for word in words.split():
            verb[name].add_argument(word)
    verb["certificate"].add_argument("--wait", type=int, default=0, help="seconds to wait for it")
    verb["load"].add_argument("seconds", type=float)
    verb["load"].add_argument("--visitors", type=int, default=6)
    options = parser.parse_args()
    if options.verb == "load":
        load(options)
    browser = Browser(options)
    match options.verb:
        case "sign-in":
            browser.sign_in(options.user, options.password)
        case "create":
            browser.create(options.name, options.type, options.value)
        case "delete":
            browser.delete(options.number)
        case "records":
            print("\n".join(browser.records()[0]))
        case "get":
            status, address, text = browser.open(options.path)
            print(text)
            sys.exit(0 if status == 200 else f"{status} {address}")
        case "request-certificate":
            browser.request_certificate()
        case "certificate":
            end = time.monotonic() + options.wait
            while (pem := browser.certificate(options.part)) is None and time.monotonic() < end:
                time.sleep(1)
            if pem is None:
                sys.exit("no certificate")
            print(pem, end="")


if __name__ == "__main__":
    main()

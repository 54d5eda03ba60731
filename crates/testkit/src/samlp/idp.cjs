// An identity provider for tests on samlp: a form, a password, a signed response, single logout.
//
// Arguments: the port, and a folder with idp.pem, idp.crt, users.json, sp.json (the service provider: entity_id, acs_url, slo_url)
// and signed (assertion, response or both). The last two are read at every request, so that a test may change them.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const express = require('express');
const samlp = require('samlp');
const Participants = require('samlp/lib/sessionParticipants');

const [port, folder] = process.argv.slice(2);
const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
const url = `http://127.0.0.1:${port}`;
const key = read('idp.pem');
const cert = read('idp.crt');
const users = JSON.parse(read('users.json'));
const sessions = new Map();

// Attributes by their own names; samlp's mapper has those of Microsoft.
function profile(user) {
    return {
        getClaims: () => Object.fromEntries(Object.entries(user).filter(([name]) => name !== 'password')),
        getNameIdentifier: () => ({
            nameIdentifier: user.sAMAccountName,
            nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        }),
    };
}
profile.prototype.metadata = [];

const escape = (text) => String(text ?? '').replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function page(query) {
    const field = (name) => `<input type="hidden" name="${name}" value="${escape(query[name])}">`;
    return `<h1>Login</h1><form method="post" action="${url}/login">${field('SAMLRequest')}${field('RelayState')}
        <label>Username <input name="username"></label><label>Password <input type="password" name="password"></label>
        <button>Login</button></form>`;
}

function respond(req, res, next, session) {
    const sp = JSON.parse(read('sp.json'));
    const signed = read('signed');
    samlp.auth({
        issuer: `${url}/metadata`,
        cert,
        key,
        signatureAlgorithm: 'rsa-sha256',
        digestAlgorithm: 'sha256',
        destination: sp.acs_url,
        recipient: sp.acs_url,
        signResponse: signed !== 'assertion',
        signAssertion: signed !== 'response',
        sessionIndex: session.index,
        getUserFromRequest: () => session.user,
        profileMapper: profile,
        getPostURL: (audience, request, _, callback) => callback(null, sp.acs_url),
    })(req, res, next);
}

const app = express();
app.use(express.urlencoded({ extended: false }));
app.use((req, _, next) => {
    req.sessionId = /(?:^|; )idp=(\w+)/.exec(req.headers.cookie ?? '')?.[1];
    req.signedIn = sessions.get(req.sessionId);
    next();
});
app.get('/metadata', samlp.metadata({
    issuer: `${url}/metadata`,
    cert,
    profileMapper: profile,
    redirectEndpointPath: '/sso',
    postEndpointPath: '/sso',
    logoutEndpointPaths: { redirect: '/slo' },
}));
app.get('/sso', (req, res, next) => {
    if (req.signedIn) respond(req, res, next, req.signedIn);
    else res.send(page(req.query));
});
app.post('/login', (req, res, next) => {
    const user = users[req.body.username];
    if (user?.password !== req.body.password) return res.send(page(req.body));
    const id = crypto.randomBytes(16).toString('hex');
    sessions.set(id, { user, index: `_${id}` });
    res.cookie('idp', id, { httpOnly: true });
    respond(req, res, next, sessions.get(id));
});
app.get('/slo', (req, res, next) => {
    const sp = JSON.parse(read('sp.json'));
    const store = new Map();
    const participants = req.signedIn ? [{
        serviceProviderId: sp.entity_id,
        nameId: req.signedIn.user.sAMAccountName,
        nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        sessionIndex: req.signedIn.index,
        serviceProviderLogoutURL: sp.slo_url,
    }] : [];
    samlp.logout({
        issuer: `${url}/metadata`,
        cert,
        key,
        deflate: true,
        protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
        sessionParticipants: new Participants(participants),
        clearIdPSession: (done) => {
            sessions.delete(req.sessionId);
            done();
        },
        store: {
            save: (_, state, done) => done(null, store.set('state', state) && 'state'),
            load: (_, id, options, done) => (done ?? options)(null, store.get(id)),
            update: (_, id, state, done) => done(null, store.set(id, state) && id),
        },
    })(req, res, next);
});
app.use((error, req, res, next) => {
    console.error(error);
    res.status(500).send(escape(error.message));
});
app.listen(Number(port), '127.0.0.1');

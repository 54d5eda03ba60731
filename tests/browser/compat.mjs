// Everything that users and scripts of the original rely on: paths, headings, labels, buttons and
// sentences. compat.stories.mjs opens each scene and looks for each of its lines.
//
// A line is [kind, text]. A kind is an ARIA role (heading, button, link, option, tab, menuitem,
// columnheader), or
//   control  a link or a button, whichever the page uses
//   label    a field with exactly this label
//   text     a text on the page
//   css      an element
// `{base}` is the base domain of the user. The demo never shows a failed certificate request
// ("Request Unsuccessful"): crates/starchart/tests/it/certificates.rs checks it.

export const APP = 'My.Custom.Domain';

/** Requests that need no page: the user, the path, and the expected redirect or status and type. */
export const ADDRESSES = [
  { as: 'guest', path: '/dns-records', to: '/login?redirectTo=/dns-records' },
  { as: 'guest', path: '/certificate', to: '/login?redirectTo=/certificate' },
  { as: 'guest', path: '/admin', to: '/login?redirectTo=/admin' },
  { as: 'guest', path: '/', to: '/login?redirectTo=/' },
  { as: 'guest', path: '/login/', to: '/login', status: 301 },
  { as: 'guest', path: '/logout', to: '/' },
  { as: 'guest', path: '/favicon.ico', status: 200 },
  { as: 'guest', path: '/manifest.json', status: 200 },
  { as: 'guest', path: '/sp', status: 200, type: 'text/xml' },
  { as: 'guest', path: '/healthcheck', status: 200, type: 'application/json', body: '{"status":"ok"}' },
  { as: 'user1', path: '/admin', to: '/' },
  { as: 'user1', path: '/dns-records/', to: '/dns-records', status: 301 },
];

/** Paths and file names of the certificate downloads. */
export const DOWNLOADS = [
  ['/certificate/download/certificate', '{base}.certificate.pem'],
  ['/certificate/download/privateKey', '{base}.privkey.pem'],
  ['/certificate/download/chain', '{base}.chain.pem'],
  ['/certificate/download/fullChain', '{base}.bundle.pem'],
];

/** The users of the development identity provider: user name, password, display name. */
export const USERS = [
  ['user1', 'user1pass', 'Johannes Kepler'],
  ['user2', 'user2pass', 'Galileo Galilei'],
  ['user3', 'user3pass', 'Adam Mason'],
  ['han.solo', 'starchart', 'Han Solo'],
];

const PARTS = ['Public Certificate', 'Private Key', 'Intermediate Chain', 'Full Chain'];
const RECORD_FIELDS = ['Name*', 'Type*', 'Value*', 'Ports', 'Course', 'Description'].map((words) => ['label', words]);
const ARE_YOU_SURE = ['text', "Are you sure? You can't undo this action afterwards."];

/** The pages in their states, each with its lines. */
export const SCENES = {
  'sign-in': { path: '/login', lines: [['heading', APP], ['button', 'Sign In']] },
  'identity-provider': { lines: [['label', 'Username'], ['label', 'Password'], ['button', 'Login']] },

  'home, nothing yet': {
    path: '/',
    lines: [
      ['heading', `Welcome to ${APP}!`],
      ['heading', 'DNS Records'],
      ['heading', 'Certificate'],
      ['control', 'Create DNS Records'],
      ['control', 'Create Certificate'],
      ['link', 'instructions page'],
      ['link', 'information page'],
    ],
  },
  'home, something there': { path: '/', lines: [['control', 'Manage DNS Records'], ['control', 'Manage Certificate']] },
  'home of an admin': { path: '/', lines: [['heading', 'Admin']] },

  header: { lines: [['heading', APP], ['css', '#header-user'], ['link', 'DNS Records'], ['link', 'Certificate']] },
  'account menu': { lines: [['menuitem', 'Sign Out']] },
  'header, small': { lines: [['css', '.header-hamburger']] },
  'menu, small': { lines: [['link', 'DNS Records'], ['link', 'Certificate'], ['menuitem', 'Sign Out']] },

  'records, none': {
    path: '/dns-records',
    lines: [
      ['heading', 'DNS Records'],
      ['text', 'Total User DNS Records'],
      ['text', '0 / 10'],
      ['control', 'Create your first DNS Record!'],
    ],
  },
  'record, new': {
    path: '/dns-records/new',
    lines: [
      ['heading', 'Create new DNS Record'],
      ...RECORD_FIELDS,
      ['option', 'A Record (IPv4 Address)'],
      ['option', 'AAAA Record (IPv6 Address)'],
      ['option', 'CNAME Record (Domain Name)'],
      ['option', 'MX Record (Mail Server)'],
      ['option', 'TXT Record (Text Value)'],
      ['text', '.{base}'],
      ['button', 'Create'],
    ],
  },
  'record, refused': {
    path: '/dns-records/new',
    lines: [
      ['text', 'Record name is invalid or inappropriate (only alphanumerical character, -, and _ allowed)'],
      ['text', 'Record value is invalid'],
    ],
  },
  'records, one': {
    path: '/dns-records',
    lines: [
      ['text', '1 / 10'],
      ['control', 'Create new DNS Record'],
      ['columnheader', 'Name'],
      ['columnheader', 'Type'],
      ['columnheader', 'Value'],
      ['columnheader', 'Expiration date'],
      ['control', 'Edit DNS record'],
      ['control', 'Delete DNS record'],
      ['control', 'Renew DNS record'],
      ['control', 'Copy DNS record'],
      ['control', 'Lookup DNS record'],
    ],
  },
  'records, small': { path: '/dns-records', lines: [['control', 'New']] },
  'record, copied': { path: '/dns-records', lines: [['text', 'DNS Record was copied to clipboard']] },
  'record, renewed': { path: '/dns-records', lines: [['text', 'DNS Record "www.{base}" has been successfully renewed']] },
  'record, edit': { lines: [['heading', 'Edit DNS Record'], ...RECORD_FIELDS, ['button', 'Update']] },
  'record, delete?': { lines: [ARE_YOU_SURE, ['control', 'Cancel'], ['button', 'Delete']] },
  'records, too many': { path: '/dns-records/new', lines: [['text', 'User has reached the maximum number of dns records']] },
  instructions: { path: '/dns-records/instructions', lines: [['text', '{base}']] },

  'certificate, none': {
    path: '/certificate',
    lines: [['heading', 'Certificate'], ['text', '*.{base}'], ['button', 'Request a Certificate']],
  },
  'certificate, pending': {
    path: '/certificate',
    lines: [['text', 'We have received your request, and will notify you by email when your certificate is ready.']],
  },
  'certificate, issued': {
    path: '/certificate',
    lines: [
      ['text', 'Created'],
      ['text', 'Expires'],
      ['css', 'button:disabled:text-is("Renew")'],
      ['control', 'Delete'],
      ...PARTS.map((part) => ['heading', part]),
      ...PARTS.map((part) => ['button', `Copy ${part}`]),
      ...PARTS.map((part) => ['button', `Download ${part}`]),
      ...['General', 'Node.js', 'AWS', 'NGINX'].map((words) => ['tab', words]),
    ],
  },
  'certificate, copied': { path: '/certificate', lines: [['text', 'Public Certificate was copied to the clipboard']] },
  'certificate, downloaded': { path: '/certificate', lines: [['text', 'Public Certificate is Downloaded']] },
  'certificate, delete?': { lines: [ARE_YOU_SURE, ['control', 'Cancel'], ['button', 'Delete']] },
  'certificate, deleted': { path: '/certificate', lines: [['text', 'Certificate has been successfully deleted.']] },
  information: { path: '/certificate/information', lines: PARTS.map((part) => ['text', part]) },

  admin: {
    path: '/admin',
    lines: [
      ['heading', 'Admin Dashboard'],
      ['text', 'Users'],
      ['text', 'Certificates'],
      ['text', 'DNS Records'],
      ['css', '[name="searchText"]'],
    ],
  },
  'admin, found': {
    lines: [
      ['columnheader', 'Email'],
      ['columnheader', 'Name'],
      ['columnheader', 'DNS Records'],
      ['columnheader', 'Certificate status'],
      ['control', 'Impersonate user'],
      ['control', 'Delete user'],
    ],
  },
  impersonating: { path: '/', lines: [['text', 'Impersonating: user1'], ['menuitem', 'Stop Impersonating']] },
  'user deleted': { lines: [['text', 'User was deleted']] },

  'signed out': { path: '/logout', lines: [['button', 'School Logout'], ['control', 'Back to Sign In']] },
};

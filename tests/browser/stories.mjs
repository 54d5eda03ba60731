// A user in a real browser on the running demo. Each story starts in a new window.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersEventually, linkOrButton, deleteRecord, demo, fillField, fillRecord, row, signIn, TEST_LIMIT_MS } from './demo.mjs';
import { openAnother, story } from './story.mjs';
import { certificateVerifies, keyFits, savedFile } from './certificate.mjs';
import { lighthouse } from './lighthouse.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';
const CNAME = 'CNAME Record (Domain Name)';
const SRV = 'SRV Record (Service and Port)';
const CAA = 'CAA Record (Certificate Authority)';
const HTTPS = 'HTTPS Record (Web Service)';
const PARTS = [
  ['Public Certificate', 'certificate'],
  ['Private Key', 'privkey'],
  ['Intermediate Chain', 'chain'],
  ['Full Chain', 'bundle'],
];
const domainOf = (user) => `${user}.${demo.root}`;

story('a guest sees the sign-in page and a missing page', {}, async (page) => {
  await page.goto('/dns-records');
  assert.equal(new URL(page.url()).pathname, '/login');
  await checkAppearance(page, 'login');
  await page.getByRole('button', { name: 'Sign In' }).click();
  await page.getByLabel('Username').waitFor();
  await checkAppearance(page, 'identity-provider');
  await page.getByLabel('Username').fill('user1');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Login' }).click();
  await page.getByLabel('Username').waitFor();
  await checkAppearance(page, 'identity-provider-refused');
  const answer = await page.goto('/no-such-page');
  assert.equal(answer.status(), 404);
  await checkAppearance(page, 'not-found');
});

story('user1 creates, edits and deletes a record; dig sees each change', {}, async (page, t) => {
  const name = `www.${domainOf('user1')}`;
  await signIn(page, 'user1', 'user1pass');
  await page.getByRole('heading', { name: 'Welcome to My.Custom.Domain!' }).waitFor();
  await checkAppearance(page, 'home');
  await linkOrButton(page.getByRole('main'), 'Create DNS Records').click();
  await page.getByRole('heading', { name: 'DNS Records', level: 1 }).waitFor();
  assert.equal(await page.getByRole('table').count(), 0);
  await checkAppearance(page, 'records-none');

  await linkOrButton(page, 'Create your first DNS Record!').click();
  await page.getByRole('heading', { name: 'Create new DNS Record', level: 1 }).waitFor();
  await checkAppearance(page, 'record-new');
  await fillRecord(page, { name: 'www', type: A, value: 'not an address' }, 'Create');
  await page.getByText('Record value is invalid: enter an IPv4 address such as 192.0.2.10').first().waitFor();
  assert.equal(await page.getByLabel('Value*', { exact: true }).inputValue(), 'not an address');
  await checkAppearance(page, 'record-new-refused');
  let clicked = await fillRecord(page, { name: 'www', type: A, value: '192.168.1.1' }, 'Create');
  t.diagnostic(`created: answered after ${await answersEventually(name, 'A', ['192.168.1.1'], clicked)} ms`);
  await page.waitForURL('**/dns-records');
  await checkAppearance(page, 'records');

  await linkOrButton(row(page, '192.168.1.1'), 'Edit DNS record').click();
  await page.getByRole('heading', { name: 'Edit DNS Record', level: 1 }).waitFor();
  assert.equal(await page.getByLabel('Value*', { exact: true }).inputValue(), '192.168.1.1');
  await checkAppearance(page, 'record-edit');
  clicked = await fillRecord(page, { name: 'www', type: CNAME, value: 'example.com' }, 'Update');
  t.diagnostic(`edited: answered after ${await answersEventually(name, 'CNAME', ['example.com.'], clicked)} ms`);
  await page.waitForURL('**/dns-records');

  await linkOrButton(row(page, 'example.com'), 'Renew DNS record').click();
  await page.getByText('has been successfully renewed').first().waitFor();
  await checkAppearance(page, 'record-renewed');

  await linkOrButton(row(page, 'example.com'), 'Delete DNS record').click();
  await page.getByText("Are you sure? You can't undo this action afterwards.").filter({ visible: true }).waitFor();
  await checkAppearance(page, 'record-delete');
  await page.goto('/dns-records');
  clicked = await deleteRecord(page, row(page, 'example.com'));
  t.diagnostic(`deleted: gone after ${await answersEventually(name, 'CNAME', [], clicked)} ms`);
  await linkOrButton(page, 'Create your first DNS Record!').waitFor();
});

story('a description keeps its lines', {}, async (page) => {
  const lines = 'first line\nsecond line';
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  const description = page.getByRole('textbox', { name: 'Description', exact: true });
  await description.fill(lines);
  await fillRecord(page, { name: 'lines', type: A, value: '192.168.1.4' }, 'Create');
  await page.waitForURL('**/dns-records');
  assert.ok((await row(page, '192.168.1.4').innerText()).includes(lines), 'the list shows both lines');
  await checkAppearance(page, 'records-description');
  // An edit of another field leaves them alone.
  await linkOrButton(row(page, '192.168.1.4'), 'Edit DNS record').click();
  await fillRecord(page, { name: 'lines', type: A, value: '192.168.1.5' }, 'Update');
  await page.waitForURL('**/dns-records');
  await linkOrButton(row(page, '192.168.1.5'), 'Edit DNS record').click();
  assert.equal(await description.inputValue(), lines);
  await page.goto('/dns-records');
  await deleteRecord(page, row(page, '192.168.1.5'));
  await page.getByText('has been successfully deleted').first().waitFor();
});

story('a form that is refused shows what was typed', {}, async (page) => {
  const lines = 'first line\nsecond <line>';
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  await page.getByRole('textbox', { name: 'Description', exact: true }).fill(lines);
  // Another user signs in in this browser meanwhile.
  await page.context().clearCookies();
  const other = await page.context().newPage();
  await signIn(other, 'user2', 'user2pass');
  await fillRecord(page, { name: 'www', type: A, value: '192.168.1.6' }, 'Create');
  await page.getByRole('heading', { name: 'This form is no longer valid' }).waitFor();
  for (const [label, text] of [['Name', 'www'], ['Type', 'A'], ['Value', '192.168.1.6'], ['Description', lines]]) {
    const field = page.getByRole('textbox', { name: label, exact: true });
    assert.equal(await field.inputValue(), text);
    assert.equal(await field.isEditable(), false);
  }
  await checkAppearance(page, 'form-refused');
  await page.goto('/dns-records');
  await linkOrButton(page, 'Create your first DNS Record!').waitFor();
});

story('a form sent after the session has ended is shown again after the sign-in', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  await page.context().clearCookies();
  await fillRecord(page, { name: 'kept', type: A, value: '192.168.1.8' }, 'Create');
  await page.getByLabel('Username').fill('user1');
  await page.getByLabel('Password').fill('user1pass');
  await page.getByRole('button', { name: 'Login' }).click();
  await page.getByText('Your form was kept.').waitFor();
  assert.equal(await page.getByLabel('Value*', { exact: true }).inputValue(), '192.168.1.8');
  await checkAppearance(page, 'form-kept');
});

story('a record that was deleted in another window gives the list with a note', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  await fillRecord(page, { name: 'twice', type: A, value: '192.168.1.9' }, 'Create');
  await page.waitForURL('**/dns-records');
  const second = await page.context().newPage();
  await second.goto('/dns-records');
  await deleteRecord(page, row(page, '192.168.1.9'));
  await page.getByText('has been successfully deleted').first().waitFor();
  await deleteRecord(second, row(second, '192.168.1.9'));
  await second.getByText('There is no such record.').waitFor();
  await second.getByRole('heading', { name: 'DNS Records', level: 1 }).waitFor();
  await checkAppearance(second, 'records-missing');
});

story('the form at the limit says so before it is filled in', {}, async (page) => {
  await signIn(page, 'han.solo', 'starchart', '/dns-records');
  for (let count = 0; ; count += 1) {
    assert.ok(count < 20, 'the demo has a limit');
    await page.goto('/dns-records/new');
    if (await page.getByText('A new record cannot be saved.').count()) break;
    await fillRecord(page, { name: `limit${count}`, type: A, value: '192.168.1.10' }, 'Create');
    await page.waitForURL('**/dns-records');
  }
  await checkAppearance(page, 'record-new-limit');
  await page.goto('/dns-records');
  await page.getByText('You have reached your limit of DNS records.').waitFor();
  await checkAppearance(page, 'records-limit');
});

story('user1 publishes a game server with an SRV record', {}, async (page) => {
  const name = `_minecraft._tcp.play.${domainOf('user1')}`;
  const server = { name: '_minecraft._tcp.play', type: SRV, value: 'server.example.com' };
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  await page.getByLabel('Type*', { exact: true }).selectOption({ label: A });
  assert.equal(await page.getByLabel('Port*', { exact: true }).isVisible(), false, 'an A record has no port');
  let clicked = await fillRecord(page, { ...server, parts: { Weight: '5' } }, 'Create');
  await page.getByText('enter the port on which the server listens').first().waitFor();
  await checkAppearance(page, 'record-srv-refused');
  clicked = await fillRecord(page, { ...server, parts: { 'Port*': '25565' } }, 'Create');
  await answersEventually(name, 'SRV', ['10 5 25565 server.example.com.'], clicked);
  await page.waitForURL('**/dns-records');
  await checkAppearance(page, 'records-srv');

  await linkOrButton(row(page, 'server.example.com'), 'Edit DNS record').click();
  assert.equal(await page.getByLabel('Port*', { exact: true }).inputValue(), '25565');
  clicked = await fillRecord(page, { ...server, parts: { 'Port*': '25566' } }, 'Update');
  await answersEventually(name, 'SRV', ['10 5 25566 server.example.com.'], clicked);
  await page.waitForURL('**/dns-records');
  clicked = await deleteRecord(page, row(page, 'server.example.com'));
  await answersEventually(name, 'SRV', [], clicked);
});

story('user1 publishes a wildcard, a name with an umlaut and an HTTPS record', {}, async (page) => {
  const domain = domainOf('user1');
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  let clicked = await fillRecord(page, { name: '*', type: A, value: '192.168.1.7' }, 'Create');
  await answersEventually(`anything.${domain}`, 'A', ['192.168.1.7'], clicked);
  await page.goto('/dns-records/new');
  clicked = await fillRecord(page, { name: 'bücher', type: A, value: '192.168.1.8' }, 'Create');
  await answersEventually(`xn--bcher-kva.${domain}`, 'A', ['192.168.1.8'], clicked);
  await page.waitForURL('**/dns-records');
  await row(page, '192.168.1.8').getByText(`bücher.${domain}`).waitFor();
  await row(page, '192.168.1.8').getByText(`xn--bcher-kva.${domain}`).waitFor();
  await linkOrButton(row(page, '192.168.1.8'), 'Edit DNS record').click();
  assert.equal(await page.getByLabel('Name*', { exact: true }).inputValue(), 'bücher');

  await page.goto('/dns-records/new');
  const web = { name: 'bücher', type: HTTPS, value: '. alpm=h2' };
  await fillRecord(page, { ...web, parts: { 'Service priority': '1' } }, 'Create');
  await page.getByText('alpm is no parameter').first().waitFor();
  await checkAppearance(page, 'record-https-refused');
  clicked = await fillRecord(page, { ...web, value: '. alpn=h2,h3' }, 'Create');
  await answersEventually(`xn--bcher-kva.${domain}`, 'HTTPS', ['1 . alpn="h2,h3"'], clicked);
  await page.waitForURL('**/dns-records');
  await checkAppearance(page, 'records-https');
  for (const value of ['alpn=h2,h3', '192.168.1.8', '192.168.1.7']) {
    await deleteRecord(page, row(page, value));
    await page.getByText('has been successfully deleted').first().waitFor();
  }
});

story('the example of each type that the form offers makes a record', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  const options = page.getByLabel('Type*', { exact: true }).locator('option');
  const types = (await options.evaluateAll((all) => all.map((option) => option.value))).filter(Boolean);
  assert.ok(types.length > 1, 'the form offers types');
  for (const type of types) {
    await page.goto('/dns-records/instructions');
    const example = page.locator(`section[aria-labelledby="type-${type.toLowerCase()}"] dl > div`);
    const fields = await example.evaluateAll((rows) => rows.map((line) => ['dt', 'dd'].map((tag) => line.querySelector(tag).textContent)));
    assert.equal(Object.fromEntries(fields).Type, type);
    await page.goto('/dns-records/new');
    for (const [label, text] of fields) await fillField(page.getByLabel(new RegExp(`^${label}\\*?$`)), text);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText('has been successfully created').first().waitFor();
    await deleteRecord(page, page.getByRole('row').last());
    await page.getByText('has been successfully deleted').first().waitFor();
  }
});

for (const scripts of [true, false]) {
  const how = scripts ? '' : ' without JavaScript';
  story(`a CAA record that stops the certificate asks for a confirmation${how}`, { javaScriptEnabled: scripts }, async (page) => {
    const domain = domainOf('user2');
    await signIn(page, 'user2', 'user2pass', '/dns-records/new', { scripts });
    const record = { name: '@', type: CAA, value: 'ca.example' };
    await fillRecord(page, { ...record, parts: { Tag: 'issuewild' } }, 'Create');
    await page.getByText('The record was not saved yet.').waitFor();
    await checkAppearance(page, `record-caa-confirm${scripts ? '' : '-without-scripts'}`, { scripts });
    let clicked = performance.now();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await answersEventually(domain, 'CAA', ['0 issuewild "ca.example"'], clicked);
    await page.goto('/certificate');
    await page.getByText('Your certificate cannot be issued or renewed.').waitFor();
    await checkAppearance(page, `certificate-caa${scripts ? '' : '-without-scripts'}`, { scripts });

    await page.goto('/dns-records');
    await linkOrButton(row(page, 'ca.example'), 'Edit DNS record').click();
    clicked = await fillRecord(page, { ...record, value: 'letsencrypt.org' }, 'Update');
    await answersEventually(domain, 'CAA', ['0 issuewild "letsencrypt.org"'], clicked);
    await page.goto('/dns-records/new');
    clicked = await fillRecord(page, { ...record, parts: { Tag: 'issuewild' } }, 'Create');
    await answersEventually(domain, 'CAA', ['0 issuewild "ca.example"', '0 issuewild "letsencrypt.org"'], clicked);
    await page.waitForURL('**/dns-records');
    // The dialog, which needs scripts, cannot know what the deletion stops; the page without them does.
    if (scripts) await deleteRecord(page, row(page, 'letsencrypt.org'));
    else await linkOrButton(row(page, 'letsencrypt.org'), 'Delete DNS record').click();
    await page.getByText('This stops your certificate.').waitFor();
    clicked = performance.now();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await answersEventually(domain, 'CAA', ['0 issuewild "ca.example"'], clicked);
    await page.waitForURL('**/dns-records');
    clicked = await deleteRecord(page, row(page, 'ca.example'));
    await answersEventually(domain, 'CAA', [], clicked);
  });
}

story('user1 requests, copies, downloads and deletes a certificate', {}, async (page, t) => {
  const domain = domainOf('user1');
  await signIn(page, 'user1', 'user1pass');
  await linkOrButton(page.getByRole('main'), 'Create Certificate').click();
  await page.getByRole('heading', { name: 'Certificate', level: 1 }).waitFor();
  await page.getByText(`*.${domain}`).first().waitFor();
  await checkAppearance(page, 'certificate-none');

  const clicked = performance.now();
  await linkOrButton(page, 'Request a Certificate').click();
  await page.getByText('We have received your request, and will notify you by email when your certificate is ready.').waitFor();
  await page.getByRole('heading', { name: 'Public Certificate' }).waitFor();
  t.diagnostic(`certificate: shown ${Math.round(performance.now() - clicked)} ms after the click`);
  assert.equal(await page.getByText('We have received your request').count(), 0);
  assert.ok(await page.getByRole('button', { name: 'Renew', exact: true }).isDisabled());
  await checkAppearance(page, 'certificate-issued');
  assert.ok(!(await page.content()).includes('PRIVATE KEY'), 'no page contains the private key');

  const files = {};
  for (const [name, kind] of PARTS) {
    await page.getByRole('heading', { name, exact: true }).waitFor();
    await page.getByRole('button', { name: `Copy ${name}`, exact: true }).click();
    await page.getByText(`${name} was copied to the clipboard`).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const wanted = page.waitForEvent('download');
    await page.getByRole('button', { name: `Download ${name}`, exact: true }).click();
    const download = await wanted;
    await page.getByText(`${name} is Downloaded`).waitFor();
    assert.equal(download.suggestedFilename(), `${domain}.${kind}.pem`);
    files[kind] = await savedFile(download);
    assert.equal(copied.trim(), files[kind].text.trim(), name);
  }
  assert.equal(files.bundle.text, files.certificate.text + files.chain.text);
  await certificateVerifies(files, [domain, `www.${domain}`]);
  await keyFits(files);

  for (const [tab, words] of [['Node.js', 'createServer'], ['AWS', 'import-certificate'], ['NGINX', 'ssl_certificate_key']]) {
    await page.getByRole('tab', { name: tab, exact: true }).click();
    await page.getByRole('tabpanel', { name: tab, exact: true }).getByText(words).first().waitFor();
    assert.equal(await page.getByRole('tabpanel').count(), 1);
  }
  await page.keyboard.press('Home');
  await page.getByRole('tab', { name: 'General', exact: true, selected: true }).waitFor();

  await linkOrButton(page, 'Delete').click();
  await checkAppearance(page, 'certificate-delete');
  const question = page.locator('section').filter({ hasText: "Are you sure? You can't undo this action afterwards.", visible: true });
  await question.getByRole('button', { name: 'Cancel', exact: true }).click();
  await linkOrButton(page, 'Delete').click();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Certificate has been successfully deleted.').waitFor();
  await linkOrButton(page, 'Request a Certificate').waitFor();
});

story('a certificate works without JavaScript', { javaScriptEnabled: false }, async (page) => {
  await signIn(page, 'user2', 'user2pass', '/certificate', { scripts: false });
  await linkOrButton(page, 'Request a Certificate').click();
  await page.getByRole('heading', { name: 'Private Key' }).waitFor();
  await checkAppearance(page, 'certificate-without-scripts', { scripts: false });
  assert.equal(await page.getByRole('button', { name: /^Copy / }).filter({ visible: true }).count(), 0);
  for (const heading of ['General', 'Node.js', 'AWS', 'NGINX']) {
    assert.ok(await page.getByRole('heading', { name: heading, exact: true }).isVisible(), heading);
  }
  const wanted = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download Private Key', exact: true }).click();
  const key = await savedFile(await wanted);
  assert.match(key.text, /^-----BEGIN PRIVATE KEY-----/);
  await linkOrButton(page, 'Delete').click();
  await checkAppearance(page, 'certificate-delete-without-scripts', { scripts: false });
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Certificate has been successfully deleted.').waitFor();
});

story('the information about certificates uses the domain of the user', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass');
  await linkOrButton(page.getByRole('main'), 'information page').click();
  await page.getByText(domainOf('user1')).first().waitFor();
  await checkAppearance(page, 'information');
});

story('the instructions use the domain of the user', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass', '/dns-records/instructions');
  await page.getByText(domainOf('user1')).first().waitFor();
  await checkAppearance(page, 'instructions');
});

story('signing out ends the session', {}, async (page) => {
  await signIn(page, 'user3', 'user3pass');
  const banner = page.getByRole('banner');
  assert.equal(await banner.getByRole('button').filter({ visible: true }).count(), 1);
  await banner.getByRole('button').filter({ visible: true }).click();
  await checkAppearance(page, 'account-menu');
  if (!(await page.getByRole('menuitem', { name: 'Sign Out' }).isVisible())) {
    await banner.getByRole('button').filter({ visible: true }).click();
  }
  await page.getByRole('menuitem', { name: 'Sign Out' }).click();
  await page.waitForURL('**/logout');
  await linkOrButton(page, 'Back to Sign In').waitFor();
  await checkAppearance(page, 'signed-out');
  await page.goto('/dns-records');
  assert.equal(new URL(page.url()).pathname, '/login');
});

for (const scripts of [true, false]) {
  const how = scripts ? '' : ' without JavaScript';
  story(`records of one name share a TTL that is chosen or typed${how}`, { javaScriptEnabled: scripts }, async (page) => {
    await signIn(page, 'user1', 'user1pass', '/dns-records/new', { scripts });
    const ttl = page.getByLabel('TTL', { exact: true });
    assert.deepEqual(await ttl.locator('option').allInnerTexts(), ['That of other records of this name and type, or 5 minutes', '1 minute', '5 minutes', '1 hour', '1 day']);
    await ttl.selectOption({ label: '1 hour' });
    await fillRecord(page, { name: 'ttl', type: A, value: '192.168.1.21' }, 'Create');
    await page.waitForURL('**/dns-records');
    assert.match(await row(page, '192.168.1.21').innerText(), /TTL 1 hour/);
    await page.goto('/dns-records/new');
    await page.getByLabel('Another TTL', { exact: true }).fill('90s');
    await fillRecord(page, { name: 'ttl', type: A, value: '192.168.1.22' }, 'Create');
    await page.getByText('1 other record has it as well').waitFor();
    await checkAppearance(page, `records-ttl${scripts ? '' : '-without-scripts'}`, { scripts });
    for (const value of ['192.168.1.21', '192.168.1.22']) {
      assert.match(await row(page, value).innerText(), /TTL 1 minute 30 seconds/);
    }
    await linkOrButton(row(page, '192.168.1.21'), 'Edit DNS record').click();
    await page.getByText('1 other record of this name and type gets the same').waitFor();
    assert.equal(await ttl.locator('option:checked').innerText(), 'As it is (1 minute 30 seconds)');
    await page.getByLabel('Another TTL', { exact: true }).fill('1w2d');
    await page.getByRole('button', { name: 'Update', exact: true }).click();
    await page.getByText('A TTL is at most 1 day here').first().waitFor();
    await checkAppearance(page, `record-edit-ttl-refused${scripts ? '' : '-without-scripts'}`, { scripts });
    await page.goto('/dns-records');
    for (const value of ['192.168.1.21', '192.168.1.22']) await deleteRecord(page, row(page, value));
    await linkOrButton(page, 'Create your first DNS Record!').waitFor();
  });
}

story('records work without JavaScript', { javaScriptEnabled: false }, async (page) => {
  const name = `www.${domainOf('user2')}`;
  await signIn(page, 'user2', 'user2pass', '/dns-records', { scripts: false });
  await linkOrButton(page, 'Create your first DNS Record!').click();
  let clicked = await fillRecord(page, { name: 'www', type: A, value: '192.168.1.2' }, 'Create');
  await answersEventually(name, 'A', ['192.168.1.2'], clicked);
  await page.waitForURL('**/dns-records');
  await checkAppearance(page, 'records-without-scripts', { scripts: false });
  await linkOrButton(row(page, '192.168.1.2'), 'Edit DNS record').click();
  clicked = await fillRecord(page, { name: 'www', type: CNAME, value: 'example.com' }, 'Update');
  await answersEventually(name, 'CNAME', ['example.com.'], clicked);
  await page.waitForURL('**/dns-records');
  clicked = await deleteRecord(page, row(page, 'example.com'));
  await answersEventually(name, 'CNAME', [], clicked);
  await linkOrButton(page, 'Create your first DNS Record!').waitFor();
  // The account menu is a popover of the browser itself; the Tab key reaches its items: API tokens
  // first, then the sign-out.
  await page.getByRole('banner').getByRole('button').filter({ visible: true }).press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/logout');
});

test('Lighthouse gives every page 100', { timeout: 2 * TEST_LIMIT_MS }, async (t) => {
  const { context, page } = await openAnother();
  await signIn(page, 'user1', 'user1pass', '/dns-records/new');
  await fillRecord(page, { name: 'lighthouse', type: A, value: '192.0.2.7' }, 'Create');
  await page.waitForURL('**/dns-records');
  const record = await linkOrButton(row(page, 'lighthouse'), 'Edit DNS record').getAttribute('href');
  const user = await context.cookies(demo.url);
  const { context: ofAdmin, page: adminPage } = await openAnother();
  await signIn(adminPage, 'user3', 'user3pass');
  const admin = await ofAdmin.cookies(demo.url);
  await ofAdmin.close();
  const records = ['/dns-records', '/dns-records/new', '/dns-records/instructions', '/dns-records/paste',
    '/dns-records/zone-file/compare', '/dns-records/history'];
  const ofRecord = ['', '/delete', '/lookup'].map((rest) => record + rest);
  const scores = [
    ...(await lighthouse(['/login', '/api/docs'], [])),
    ...(await lighthouse(['/', ...records, ...ofRecord], user)),
    ...(await lighthouse(['/certificate', '/certificate/information', '/tokens', '/tokens/new'], user)),
    ...(await lighthouse(['/admin', '/admin/words', '/admin/tokens', '/admin/trail'], admin)),
  ];
  t.diagnostic(scores.map(({ path, score }) => `${path} ${score}`).join(', '));
  assert.deepEqual(scores.filter(({ score }) => score < 100), []);
  await page.goto('/dns-records');
  await deleteRecord(page, row(page, 'lighthouse'));
  await context.close();
});

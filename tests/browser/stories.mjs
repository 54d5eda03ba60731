// What a person does, in a real browser on the running demo. Each story starts in a window of its own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answersEventually, control, deleteRecord, demo, fillRecord, launch, openWindow, row, signIn, TEST_LIMIT_MS } from './demo.mjs';
import { certificateVerifies, keyFits, savedFile } from './certificate.mjs';
import { lighthouse } from './lighthouse.mjs';
import { look } from './look.mjs';

const A = 'A Record (IPv4 Address)';
const CNAME = 'CNAME Record (Domain Name)';
const PARTS = [
  ['Public Certificate', 'certificate'],
  ['Private Key', 'privkey'],
  ['Intermediate Chain', 'chain'],
  ['Full Chain', 'bundle'],
];
const domainOf = (user) => `${user}.${demo.root}`;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A story in a window that nobody used before; what the browser complained about fails it. */
function story(name, options, tell) {
  test(name, { timeout: TEST_LIMIT_MS }, async (t) => {
    const { context, page, faults } = await openWindow(browser, options);
    try {
      await tell(page, t);
      assert.deepEqual(faults, [], 'the browser complained');
    } finally {
      await context.close();
    }
  });
}

story('a guest sees the way in, and that a page is missing', {}, async (page) => {
  await page.goto('/dns-records');
  assert.equal(new URL(page.url()).pathname, '/login');
  await look(page, 'login');
  await page.getByRole('button', { name: 'Sign In' }).click();
  await page.getByLabel('Username').waitFor();
  await look(page, 'identity-provider');
  await page.getByLabel('Username').fill('user1');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Login' }).click();
  await page.getByLabel('Username').waitFor();
  await look(page, 'identity-provider-refused');
  const answer = await page.goto('/no-such-page');
  assert.equal(answer.status(), 404);
  await look(page, 'not-found');
});

story('user1 makes a name, changes it and deletes it; dig sees each within a second', {}, async (page, t) => {
  const name = `www.${domainOf('user1')}`;
  await signIn(page, 'user1', 'user1pass');
  await page.getByRole('heading', { name: 'Welcome to My.Custom.Domain!' }).waitFor();
  await look(page, 'home');
  await control(page.getByRole('main'), 'Create DNS Records').click();
  await page.getByRole('heading', { name: 'DNS Records', level: 1 }).waitFor();
  assert.equal(await page.getByRole('table').count(), 0);
  await look(page, 'records-none');

  await control(page, 'Create your first DNS Record!').click();
  await page.getByRole('heading', { name: 'Create new DNS Record', level: 1 }).waitFor();
  await look(page, 'record-new');
  await fillRecord(page, { name: 'www', type: A, value: 'not an address' }, 'Create');
  await page.getByText('Record value is invalid').first().waitFor();
  assert.equal(await page.getByLabel('Value*', { exact: true }).inputValue(), 'not an address');
  await look(page, 'record-new-refused');
  let clicked = await fillRecord(page, { name: 'www', type: A, value: '192.168.1.1' }, 'Create');
  t.diagnostic(`created: answered after ${await answersEventually(name, 'A', ['192.168.1.1'], clicked)} ms`);
  await page.waitForURL('**/dns-records');
  await look(page, 'records');

  await control(row(page, '192.168.1.1'), 'Edit DNS record').click();
  await page.getByRole('heading', { name: 'Edit DNS Record', level: 1 }).waitFor();
  assert.equal(await page.getByLabel('Value*', { exact: true }).inputValue(), '192.168.1.1');
  await look(page, 'record-edit');
  clicked = await fillRecord(page, { name: 'www', type: CNAME, value: 'example.com' }, 'Update');
  t.diagnostic(`edited: answered after ${await answersEventually(name, 'CNAME', ['example.com.'], clicked)} ms`);
  await page.waitForURL('**/dns-records');

  await control(row(page, 'example.com'), 'Renew DNS record').click();
  await page.getByText('has been successfully renewed').first().waitFor();
  await look(page, 'record-renewed');

  await control(row(page, 'example.com'), 'Delete DNS record').click();
  await page.getByText("Are you sure? You can't undo this action afterwards.").filter({ visible: true }).waitFor();
  await look(page, 'record-delete');
  await page.goto('/dns-records');
  clicked = await deleteRecord(page, row(page, 'example.com'));
  t.diagnostic(`deleted: gone after ${await answersEventually(name, 'CNAME', [], clicked)} ms`);
  await control(page, 'Create your first DNS Record!').waitFor();
});

story('user1 asks for a certificate, which comes by itself, is copied, downloaded and deleted', {}, async (page, t) => {
  const domain = domainOf('user1');
  await signIn(page, 'user1', 'user1pass');
  await control(page.getByRole('main'), 'Create Certificate').click();
  await page.getByRole('heading', { name: 'Certificate', level: 1 }).waitFor();
  await page.getByText(`*.${domain}`).first().waitFor();
  await look(page, 'certificate-none');

  const clicked = performance.now();
  await control(page, 'Request a Certificate').click();
  await page.getByText('We have received your request, and will notify you by email when your certificate is ready.').waitFor();
  await page.getByRole('heading', { name: 'Public Certificate' }).waitFor();
  t.diagnostic(`certificate: shown ${Math.round(performance.now() - clicked)} ms after the click`);
  assert.equal(await page.getByText('We have received your request').count(), 0);
  assert.ok(await page.getByRole('button', { name: 'Renew', exact: true }).isDisabled());
  await look(page, 'certificate-issued');
  assert.ok(!(await page.content()).includes('PRIVATE KEY'), 'no page holds the private key');

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
  assert.equal(await page.getByRole('tab', { name: 'General', exact: true }).getAttribute('aria-selected'), 'true');

  await control(page, 'Delete').click();
  await look(page, 'certificate-delete');
  const question = page.locator('section').filter({ hasText: "Are you sure? You can't undo this action afterwards.", visible: true });
  await question.getByRole('button', { name: 'Cancel', exact: true }).click();
  await control(page, 'Delete').click();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Certificate has been successfully deleted.').waitFor();
  await control(page, 'Request a Certificate').waitFor();
});

story('a certificate works without JavaScript', { javaScriptEnabled: false }, async (page) => {
  await signIn(page, 'user2', 'user2pass', '/certificate', { scripts: false });
  await control(page, 'Request a Certificate').click();
  await page.getByRole('heading', { name: 'Private Key' }).waitFor();
  await look(page, 'certificate-without-scripts', { scripts: false });
  assert.equal(await page.getByRole('button', { name: /^Copy / }).filter({ visible: true }).count(), 0);
  for (const heading of ['General', 'Node.js', 'AWS', 'NGINX']) {
    assert.ok(await page.getByRole('heading', { name: heading, exact: true }).isVisible(), heading);
  }
  const wanted = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download Private Key', exact: true }).click();
  const key = await savedFile(await wanted);
  assert.match(key.text, /^-----BEGIN PRIVATE KEY-----/);
  await control(page, 'Delete').click();
  await look(page, 'certificate-delete-without-scripts', { scripts: false });
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Certificate has been successfully deleted.').waitFor();
});

story('the information about certificates speaks of the reader’s own domain', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass');
  await control(page.getByRole('main'), 'information page').click();
  await page.getByText(domainOf('user1')).first().waitFor();
  await look(page, 'information');
});

story('the instructions speak of the reader’s own domain', {}, async (page) => {
  await signIn(page, 'user1', 'user1pass', '/dns-records/instructions');
  await page.getByText(domainOf('user1')).first().waitFor();
  await look(page, 'instructions');
});

story('signing out ends the session', {}, async (page) => {
  await signIn(page, 'user3', 'user3pass');
  const banner = page.getByRole('banner');
  assert.equal(await banner.getByRole('button').filter({ visible: true }).count(), 1);
  await banner.getByRole('button').filter({ visible: true }).click();
  await look(page, 'account-menu');
  if (!(await page.getByRole('menuitem', { name: 'Sign Out' }).isVisible())) {
    await banner.getByRole('button').filter({ visible: true }).click();
  }
  await page.getByRole('menuitem', { name: 'Sign Out' }).click();
  await page.waitForURL('**/logout');
  await control(page, 'Back to Sign In').waitFor();
  await look(page, 'signed-out');
  await page.goto('/dns-records');
  assert.equal(new URL(page.url()).pathname, '/login');
});

story('everything works without JavaScript', { javaScriptEnabled: false }, async (page) => {
  const name = `www.${domainOf('user2')}`;
  await signIn(page, 'user2', 'user2pass', '/dns-records', { scripts: false });
  await control(page, 'Create your first DNS Record!').click();
  let clicked = await fillRecord(page, { name: 'www', type: A, value: '192.168.1.2' }, 'Create');
  await answersEventually(name, 'A', ['192.168.1.2'], clicked);
  await page.waitForURL('**/dns-records');
  await look(page, 'records-without-scripts', { scripts: false });
  await control(row(page, '192.168.1.2'), 'Edit DNS record').click();
  clicked = await fillRecord(page, { name: 'www', type: CNAME, value: 'example.com' }, 'Update');
  await answersEventually(name, 'CNAME', ['example.com.'], clicked);
  await page.waitForURL('**/dns-records');
  clicked = await deleteRecord(page, row(page, 'example.com'));
  await answersEventually(name, 'CNAME', [], clicked);
  await control(page, 'Create your first DNS Record!').waitFor();
});

test('Lighthouse gives accessibility 95 or more', { timeout: TEST_LIMIT_MS }, async (t) => {
  const { context, page } = await openWindow(browser);
  await signIn(page, 'user1', 'user1pass');
  const cookies = await context.cookies(demo.url);
  await context.close();
  const scores = [
    ...(await lighthouse(['/login'], [])),
    ...(await lighthouse(['/', '/dns-records', '/dns-records/new', '/dns-records/instructions'], cookies)),
    ...(await lighthouse(['/certificate', '/certificate/information'], cookies)),
  ];
  t.diagnostic(scores.map(({ path, score }) => `${path} ${score}`).join(', '));
  assert.deepEqual(scores.filter(({ score }) => score < 95), []);
});

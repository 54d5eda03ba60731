// Opens every scene of compat.mjs and looks for each of its lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADDRESSES, DOWNLOADS, USERS, SCENES } from './compat.mjs';
import { linkOrButton, demo, fillRecord, row, signIn, WAIT_LIMIT_MS } from './demo.mjs';
import { story } from './story.mjs';

const A = 'A Record (IPv4 Address)';
const LIMIT = 10;

const seen = new Set();

const finders = {
  control: (page, words) => page.getByRole('link', { name: words, exact: true }).or(page.getByRole('button', { name: words, exact: true })),
  label: (page, words) => page.getByLabel(words, { exact: true }),
  text: (page, words) => page.getByText(words),
  css: (page, words) => page.locator(words),
};

/** Returns whether the line is visible on the page. An option counts when it is in the page. */
async function shows(page, kind, words) {
  const all = finders[kind]?.(page, words) ?? page.getByRole(kind, { name: words, exact: true });
  const found = kind === 'option' ? all : all.filter({ visible: true });
  return found.first().waitFor({ state: kind === 'option' ? 'attached' : 'visible', timeout: WAIT_LIMIT_MS }).then(() => true, () => false);
}

/** Asserts that the page has the path and every line of this scene. */
async function scene(page, name, user) {
  const { path, lines } = SCENES[name];
  seen.add(name);
  const missing = [];
  if (path && new URL(page.url()).pathname !== path) missing.push(`the path ${path}, not ${page.url()}`);
  for (const [kind, written] of lines) {
    const words = written.replaceAll('{base}', baseOf(user));
    if (!(await shows(page, kind, words))) missing.push(`${kind} "${words}"`);
  }
  assert.deepEqual(missing, [], `${name}: not on the page`);
}

const baseOf = (user) => `${user?.replaceAll('.', '')}.${demo.root}`;

/** Runs steps on a small screen. */
async function onSmallScreen(page, steps) {
  await page.setViewportSize({ width: 360, height: 740 });
  await steps();
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function openMenu(page) {
  const buttons = page.getByRole('banner').getByRole('button').filter({ visible: true });
  assert.equal(await buttons.count(), 1, 'exactly one button in the banner');
  await buttons.click();
}

story('a guest', {}, async (page) => {
  await checkAddresses(page, 'guest');
  await page.goto('/dns-records');
  await scene(page, 'sign-in');
  await page.getByRole('button', { name: 'Sign In' }).click();
  await scene(page, 'identity-provider');
});

for (const [user, password, name] of USERS) {
  story(`${user} is ${name}`, {}, async (page) => {
    await signIn(page, user, password);
    await scene(page, 'header', user);
    assert.equal((await page.locator('#header-user').innerText()).trim(), user);
    await openMenu(page);
    await scene(page, 'account menu', user);
    assert.ok(await shows(page, 'text', name), name);
  });
}

story('records', {}, async (page) => {
  const user = 'user1';
  await signIn(page, user, 'user1pass');
  await checkAddresses(page, user);
  await scene(page, 'home, nothing yet', user);
  await onSmallScreen(page, async () => {
    await scene(page, 'header, small', user);
    await page.locator('.header-hamburger').click();
    await scene(page, 'menu, small', user);
  });
  await page.goto('/dns-records');
  await scene(page, 'records, none', user);
  assert.equal(await page.getByRole('table').count(), 0);
  await linkOrButton(page, 'Create your first DNS Record!').click();
  await scene(page, 'record, new', user);
  await fillRecord(page, { name: '-', type: A, value: 'no address' }, 'Create');
  await scene(page, 'record, refused', user);
  await fillRecord(page, { name: 'www', type: A, value: '192.168.1.1' }, 'Create');
  await page.waitForURL('**/dns-records');
  await scene(page, 'records, one', user);
  await onSmallScreen(page, () => scene(page, 'records, small', user));
  assert.ok((await page.locator('tr').last().innerText()).includes('192.168.1.1'), 'the last tr is a record');

  await linkOrButton(page, 'Copy DNS record').click();
  await scene(page, 'record, copied', user);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `www.${baseOf(user)}`);
  await linkOrButton(page, 'Renew DNS record').click();
  await scene(page, 'record, renewed', user);
  await linkOrButton(row(page, '192.168.1.1'), 'Edit DNS record').click();
  await scene(page, 'record, edit', user);
  await page.goto('/dns-records');
  await linkOrButton(page, 'Delete DNS record').click();
  await scene(page, 'record, delete?', user);

  for (let number = 2; number <= LIMIT + 1; number += 1) {
    await page.goto('/dns-records/new');
    await fillRecord(page, { name: `n${number}`, type: A, value: '192.168.1.1' }, 'Create');
    await page.waitForLoadState();
  }
  await scene(page, 'records, too many', user);
  await page.goto('/dns-records/instructions');
  await scene(page, 'instructions', user);
});

story('a certificate', {}, async (page) => {
  const user = 'user1';
  await signIn(page, user, 'user1pass', '/certificate/information');
  await scene(page, 'information', user);
  await page.goto('/certificate');
  await scene(page, 'certificate, none', user);
  await page.getByRole('button', { name: 'Request a Certificate' }).click();
  await scene(page, 'certificate, pending', user);
  // The page updates automatically.
  await page.getByRole('heading', { name: 'Full Chain', exact: true }).waitFor();
  await scene(page, 'certificate, issued', user);
  await page.getByRole('button', { name: 'Copy Public Certificate', exact: true }).click();
  await scene(page, 'certificate, copied', user);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download Public Certificate', exact: true }).click(),
  ]);
  assert.equal(download.suggestedFilename(), `${baseOf(user)}.certificate.pem`);
  await scene(page, 'certificate, downloaded', user);
  await checkDownloads(page, user);
  await page.goto('/');
  await scene(page, 'home, something there', user);
});

story('an admin', {}, async (page) => {
  await signIn(page, 'user3', 'user3pass');
  await scene(page, 'home of an admin', 'user3');
  await page.goto('/admin');
  await scene(page, 'admin', 'user3');
  await search(page, 'user3@');
  const own = row(page, 'user3@');
  assert.ok(await linkOrButton(own, 'Impersonate user').isDisabled(), 'admins cannot impersonate themselves');
  assert.ok(await linkOrButton(own, 'Delete user').isDisabled(), 'admins cannot delete themselves');
  await search(page, 'user1@');
  await scene(page, 'admin, found', 'user3');
  await linkOrButton(row(page, 'user1@'), 'Impersonate user').click();
  await page.waitForURL((url) => url.pathname === '/');
  await openMenu(page);
  await scene(page, 'impersonating', 'user1');
  await page.getByRole('menuitem', { name: 'Stop Impersonating' }).click();
  await page.goto('/admin');
  await search(page, 'han.solo');
  await linkOrButton(row(page, 'han.solo'), 'Delete user').click();
  await page.getByRole('button', { name: /^Delete/ }).filter({ visible: true }).last().click();
  await scene(page, 'user deleted', 'user3');
});

story('the end of a certificate, and signing out', {}, async (page) => {
  const user = 'user1';
  await signIn(page, user, 'user1pass', '/certificate');
  await linkOrButton(page.getByRole('main'), 'Delete').click();
  await scene(page, 'certificate, delete?', user);
  await page.getByRole('button', { name: 'Delete', exact: true }).filter({ visible: true }).last().click();
  await scene(page, 'certificate, deleted', user);
  await openMenu(page);
  await page.getByRole('menuitem', { name: 'Sign Out' }).click();
  await page.waitForURL('**/logout');
  await scene(page, 'signed out', user);
});

test('every scene was opened', () => {
  assert.deepEqual(Object.keys(SCENES).filter((name) => !seen.has(name)), []);
});

async function search(page, text) {
  const box = page.locator('[name="searchText"]').filter({ visible: true });
  await box.fill(text);
  await box.press('Enter');
  await row(page, text).waitFor();
}

/** Sends requests with the session of the page and compares the responses. */
async function checkAddresses(page, as) {
  const wrong = [];
  for (const { path, to, status = to ? 303 : 200, type, body } of ADDRESSES.filter((address) => address.as === as)) {
    const answer = await page.request.get(path, { maxRedirects: 0 });
    const got = decodeURIComponent(answer.headers().location ?? '').replace(demo.url, '');
    const fits = answer.status() === status && (!to || got === to) && (!body || (await answer.text()) === body);
    if (!fits || (type && !answer.headers()['content-type'].startsWith(type))) {
      wrong.push(`${path}: ${answer.status()} ${got || answer.headers()['content-type']}`);
    }
  }
  assert.deepEqual(wrong, [], `addresses, as ${as}`);
}

async function checkDownloads(page, user) {
  for (const [path, name] of DOWNLOADS) {
    const answer = await page.request.get(path);
    const headers = answer.headers();
    assert.equal(answer.status(), 200, path);
    assert.match(headers['content-type'], /^application\/x-pem-file/, path);
    assert.ok(headers['content-disposition'].includes(name.replace('{base}', baseOf(user))), `${path}: ${headers['content-disposition']}`);
    assert.match(await answer.text(), /^-----BEGIN /, path);
  }
}

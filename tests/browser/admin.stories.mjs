// An admin in a real browser on a running demo: with scripts, screenshots and axe, then without scripts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { linkOrButton, demo, fillRecord, launch, openWindow, row, signIn, TEST_LIMIT_MS } from './demo.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

function story(name, options, steps) {
  test(name, { timeout: TEST_LIMIT_MS }, async () => {
    const { context, page, faults } = await openWindow(browser, options);
    try {
      await steps(page);
      assert.deepEqual(faults, [], 'errors in the browser');
    } finally {
      await context.close();
    }
  });
}

/** Runs steps as another user in a separate window. */
async function asUser(username, password, steps) {
  const { context, page } = await openWindow(browser);
  try {
    await signIn(page, username, password);
    await steps?.(page);
  } finally {
    await context.close();
  }
}

async function search(page, text) {
  await page.goto('/admin');
  await page.getByRole('searchbox', { name: 'E-mail address, name, user name or domain' }).fill(text);
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.getByRole('table', { name: 'Users found' }).waitFor();
}

async function createRecord(page, name) {
  await page.goto('/dns-records/new');
  await fillRecord(page, { name, type: A, value: '192.168.1.7' }, 'Create');
  await page.waitForURL('**/dns-records');
}

/** Opens the account menu of two items and moves in it with the keyboard. */
async function menuByKeyboard(page) {
  const button = page.getByRole('banner').getByRole('button', { name: 'Impersonating: user2' });
  const menu = page.getByRole('menu', { name: 'Account' });
  const items = ['Stop Impersonating', 'Sign Out'].map((name) => page.getByRole('menuitem', { name, exact: true }));
  const press = async (key, item) => {
    await page.keyboard.press(key);
    if (item === undefined) await menu.waitFor({ state: 'hidden' });
    else await items[item].waitFor();
    const wanted = item === undefined ? button : items[item];
    await page.waitForFunction((element) => element === document.activeElement, await wanted.elementHandle());
    assert.equal(await button.getAttribute('aria-expanded'), String(item !== undefined), key);
  };
  await button.focus();
  for (const [key, item] of [
    ['ArrowDown', 0], ['ArrowDown', 1], ['ArrowDown', 0], ['ArrowUp', 1], ['Home', 0], ['End', 1], ['Escape', undefined],
    ['ArrowUp', 1], ['Escape', undefined],
    ['Enter', 0], ['Escape', undefined],
    ['Space', 0],
  ]) {
    await press(key, item);
  }
  await page.keyboard.press('Tab');
  await menu.waitFor({ state: 'hidden' });
  // The focus moves on.
  await page.waitForFunction((element) => element !== document.activeElement, await button.elementHandle());
}

story('an admin searches, impersonates, reads the audit trail and deletes a user', {}, async (page) => {
  await asUser('user2', 'user2pass', (page) => createRecord(page, 'www'));
  await signIn(page, 'user3', 'user3pass');
  await page.getByRole('heading', { name: 'Admin', exact: true }).waitFor();
  await checkAppearance(page, 'home-admin');
  await linkOrButton(page.getByRole('main'), 'Admin Dashboard').click();
  await page.getByRole('heading', { name: 'Admin Dashboard', level: 1 }).waitFor();
  await checkAppearance(page, 'admin');

  await search(page, 'galilei');
  await row(page, 'Galileo Galilei').waitFor();
  await checkAppearance(page, 'admin-found');
  await linkOrButton(row(page, 'Galileo Galilei'), 'Impersonate user').click();
  await page.waitForURL((url) => url.pathname === '/');
  assert.equal(await page.locator('#header-user').textContent(), 'Impersonating: user2');
  await page.getByRole('region', { name: 'Impersonation' }).waitFor();
  await checkAppearance(page, 'impersonating');
  await menuByKeyboard(page);
  await createRecord(page, 'helped');
  assert.ok(await row(page, `helped.user2.${demo.root}`).isVisible());
  await checkAppearance(page, 'impersonating-records');
  await page.goto('/admin');
  assert.equal(new URL(page.url()).pathname, '/', 'no admin pages during an impersonation');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator('.header-hamburger').click();
  await page.getByRole('menuitem', { name: 'Stop Impersonating' }).click();
  await page.getByText('The impersonation has ended.').waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.equal(await page.locator('#header-user').textContent(), 'user3');

  await page.goto('/admin/trail?user=user2');
  await row(page, 'user3 as user2').waitFor();
  await checkAppearance(page, 'admin-trail');

  await search(page, 'galilei');
  await linkOrButton(row(page, 'Galileo Galilei'), 'Delete user').click();
  await page.getByText("Are you sure? You can't undo this action afterwards.").waitFor();
  await page.getByText('2 records leave the zone').waitFor();
  await checkAppearance(page, 'admin-delete');
  await linkOrButton(page, 'Cancel').click();
  await linkOrButton(row(page, 'Galileo Galilei'), 'Delete user').click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('User was deleted').waitFor();
  await page.getByText('No users were found.').waitFor();
});

story('the admin pages work without scripts', { javaScriptEnabled: false }, async (page) => {
  await asUser('han.solo', 'starchart');
  await asUser('user1', 'user1pass');
  await signIn(page, 'user3', 'user3pass', '/', { scripts: false });
  await search(page, 'user1');
  await checkAppearance(page, 'admin-no-scripts', { scripts: false });
  await linkOrButton(row(page, 'Johannes Kepler'), 'Impersonate user').click();
  await page.getByRole('button', { name: 'Stop impersonating user1' }).click();
  assert.equal(await page.locator('#header-user').textContent(), 'user3');
  await search(page, 'hansolo');
  assert.ok(await linkOrButton(row(page, 'Han Solo'), 'Impersonate user').isDisabled(), 'admins cannot be impersonated');
  await linkOrButton(row(page, 'Han Solo'), 'Delete user').click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('User was deleted').waitFor();
});

// An admin in a real browser on a running demo: with scripts, screenshots and axe, then without scripts.
import assert from 'node:assert/strict';
import { linkOrButton, demo, fillRecord, row, signIn } from './demo.mjs';
import { openAnother, story } from './story.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';

/** Runs steps as another user in a separate window. */
async function asUser(username, password, steps) {
  const { context, page } = await openAnother();
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

/** Opens the account menu of three items and moves in it with the keyboard. */
async function menuByKeyboard(page) {
  const button = page.getByRole('banner').getByRole('button', { name: 'Impersonating: user2' });
  const menu = page.getByRole('menu', { name: 'Account' });
  const items = ['API tokens', 'Stop Impersonating', 'Sign Out'].map((name) => page.getByRole('menuitem', { name, exact: true }));
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
    ['ArrowDown', 0], ['ArrowDown', 1], ['ArrowDown', 2], ['ArrowDown', 0], ['ArrowUp', 2], ['Home', 0], ['End', 2],
    ['Escape', undefined],
    ['ArrowUp', 2], ['Escape', undefined],
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

/** Adds an entry to one of the lists of words, with the field and the button of that list. */
async function addWord(page, label, button, word) {
  await page.getByRole('textbox', { name: label }).fill(word);
  await page.getByRole('button', { name: button, exact: true }).click();
}

/** Tries to create a record, and returns the page's answer about the name. */
async function refusedName(page, name) {
  await page.goto('/dns-records/new');
  await fillRecord(page, { name, type: A, value: '192.168.1.7' }, 'Create');
  await page.getByText('choose a name that everyone may see').first().waitFor();
}

async function wordsStory(page, look) {
  await page.goto('/admin');
  await page.getByRole('link', { name: 'Words in names' }).click();
  await page.getByRole('heading', { name: 'Words in names', level: 1 }).waitFor();
  await look('admin-words');
  await page.getByRole('textbox', { name: "Name of a record, or a user's label" }).fill('www');
  await page.getByRole('button', { name: 'Try', exact: true }).click();
  await page.getByText('Allowed: no word of this name is refused.').waitFor();
  await page.getByText('it is reserved: “www” is on the list that comes with the program').waitFor();
  await look('admin-words-tried');

  await addWord(page, 'Word to refuse', 'Refuse', 'two words');
  await page.getByText('“two words” has a blank; enter one word at a time.').waitFor();
  await look('admin-words-fault');
  await addWord(page, 'Word to refuse', 'Refuse', 'darn');
  await page.getByText(/records? of 1 user (has|have) “darn” in the name. What is there stays/).waitFor();
  await look('admin-words-in-use');
  await page.getByRole('button', { name: 'Refuse “darn” in new names' }).click();
  await page.getByText('“darn” is refused in new names from now on.').waitFor();
  await addWord(page, 'Word or phrase to allow', 'Allow', 'not-so-darn');
  await page.getByText('“not-so-darn” is allowed from now on.').waitFor();
  await addWord(page, 'Label to reserve', 'Reserve', 'library');
  await page.getByText('“library” is reserved from now on.').waitFor();
  await page.getByRole('table', { name: 'Refused words' }).getByRole('link', { name: /^\d records?$/ }).click();
  await row(page, `my-darn.user2.${demo.root}`).waitFor();
  await look('admin-words-listed');
}

story('an admin refuses, allows and reserves words, and sees whose names have them', {}, async (page) => {
  await asUser('user2', 'user2pass', (page) => createRecord(page, 'my-darn'));
  await signIn(page, 'user3', 'user3pass');
  await wordsStory(page, (name) => checkAppearance(page, name));
  await asUser('user2', 'user2pass', async (page) => {
    await refusedName(page, 'darn');
    await createRecord(page, 'not-so-darn');
  });
  for (const entry of ['darn', 'not-so-darn', 'library']) {
    await page.goto('/admin/words');
    await page.getByRole('row').filter({ has: page.getByText(entry, { exact: true }) })
      .getByRole('button', { name: 'Remove' }).click();
    await page.getByText(`“${entry}” was removed.`).waitFor();
  }
  await page.getByText('No record has a name that would be refused now.').waitFor();
});

story('the lists of words work without scripts', { javaScriptEnabled: false }, async (page) => {
  await asUser('user2', 'user2pass', async (page) => {
    await page.goto('/dns-records');
    if (await row(page, `my-darn.user2.${demo.root}`).count() === 0) await createRecord(page, 'my-darn');
  });
  await signIn(page, 'user3', 'user3pass', '/', { scripts: false });
  await wordsStory(page, (name) => checkAppearance(page, `${name}-no-scripts`, { scripts: false }));
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

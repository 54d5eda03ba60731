// The list of records and the editor in a real browser on a running demo: filter, sort, keys, several records at once, questions
// and what the form shows while one types; with scripts, screenshots and axe, then without scripts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answersEventually, demo, dig, fillRecord, launch, linkOrButton, openWindow, row, signIn, TEST_LIMIT_MS } from './demo.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';
const CNAME = 'CNAME Record (Domain Name)';
const TXT = 'TXT Record (Text Value)';
const RECORDS = [
  { name: 'www', type: A, value: '192.168.1.1' },
  { name: 'www', type: A, value: '192.168.1.2' },
  { name: 'www', type: TXT, value: 'proof of something' },
  { name: 'bücher', type: A, value: '192.168.1.3' },
  { name: 'api', type: A, value: '192.168.1.4' },
];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Returns the values in the list, in its order. */
const values = (page) => page.locator('.records .value').allInnerTexts();

async function search(page, text) {
  await page.getByLabel('Search names, values and notes').fill(text);
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.waitForURL((url) => url.searchParams.get('q') === text);
}

async function select(page, ...texts) {
  for (const text of texts) await row(page, text).getByRole('checkbox').check();
}

for (const [how, options] of [['with scripts', {}], ['without scripts', { javaScriptEnabled: false }]]) {
  const scripts = options.javaScriptEnabled !== false;
  const user = scripts ? 'user1' : 'user2';
  const domain = `${user}.${demo.root}`;

  test(`a user finds, renews and deletes several records ${how}`, { timeout: TEST_LIMIT_MS }, async () => {
    const { context, page, faults } = await openWindow(browser, options);
    const look = async (name) => {
      if (scripts) await checkAppearance(page, name);
    };
    try {
      await signIn(page, user, `${user}pass`, '/', { scripts });
      for (const record of RECORDS) {
        await page.goto('/dns-records/new');
        await fillRecord(page, record, 'Create');
        await page.waitForURL('**/dns-records');
      }
      await page.getByText('bücher.', { exact: false }).first().waitFor();
      assert.deepEqual(await values(page), ['192.168.1.4', '192.168.1.1', '192.168.1.2', 'proof of something', '192.168.1.3']);
      await look('list');

      await page.getByRole('columnheader', { name: 'Value' }).getByRole('link').click();
      await page.waitForURL('**/dns-records?sort=value');
      assert.deepEqual((await values(page)).slice(0, 2), ['proof of something', '192.168.1.1']);
      await page.getByRole('columnheader', { name: 'Value' }).getByRole('link').click();
      await page.waitForURL('**/dns-records?sort=-value');
      assert.equal(await page.getByRole('columnheader', { name: 'Value' }).getAttribute('aria-sort'), 'descending');
      await search(page, 'www');
      assert.equal(new URL(page.url()).searchParams.get('sort'), '-value', 'the order stays');
      assert.equal((await values(page)).length, 3);
      await look('list-filtered');
      await search(page, 'no such thing');
      await page.getByText('No record matches').waitFor();
      await look('list-no-match');
      await page.getByRole('link', { name: 'Show all 5' }).click();
      await page.waitForURL('**/dns-records');

      await select(page, '192.168.1.1', 'proof of something');
      await page.getByRole('button', { name: 'Renew selected' }).click();
      await page.getByText('2 DNS records have been successfully renewed').waitFor();
      await select(page, '192.168.1.1', 'proof of something', '192.168.1.3');
      await page.getByRole('button', { name: 'Delete selected' }).click();
      await page.getByText('Are you sure?', { exact: true }).waitFor();
      await look('list-delete-selected');
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.getByText('3 DNS records have been successfully deleted').waitFor();
      await answersEventually(`www.${domain}`, 'A', ['192.168.1.2'], performance.now());
      await look('list-deleted');
      await page.getByRole('button', { name: 'Undo', exact: true }).click();
      await page.getByText('3 DNS records have been successfully restored').waitFor();
      await answersEventually(`www.${domain}`, 'A', ['192.168.1.1', '192.168.1.2'], performance.now());
      await answersEventually(`xn--bcher-kva.${domain}`, 'A', ['192.168.1.3'], performance.now());
      assert.deepEqual(await dig(`www.${domain}`, 'TXT'), ['"proof of something"']);
      assert.deepEqual(faults, [], 'errors in the browser');
    } finally {
      await context.close();
    }
  });

  test(`the form asks about what is half typed and shows what it publishes ${how}`, { timeout: TEST_LIMIT_MS }, async () => {
    const { context, page, faults } = await openWindow(browser, options);
    const look = async (name) => {
      if (scripts) await checkAppearance(page, name);
    };
    try {
      await signIn(page, user, `${user}pass`, '/dns-records/new', { scripts });
      await page.getByLabel('Name*', { exact: true }).fill('shop');
      await page.getByLabel('Type*', { exact: true }).selectOption({ label: A });
      await page.getByLabel('Value*', { exact: true }).fill('fe80::1%eth0');
      const check = page.getByRole('button', { name: 'Check', exact: true });
      if (scripts) assert.equal(await check.isVisible(), false, 'the page checks by itself');
      else await check.click();
      await page.getByText('this is a link-local address').first().waitFor();
      await look('form-typing-fault');
      await page.getByLabel('Value*', { exact: true }).fill('192.168.1.9');
      if (!scripts) await check.click();
      await page.getByText(`shop.${domain}. 300 IN A 192.168.1.9`).waitFor();
      await look('form-typing');

      await fillRecord(page, { name: 'shop', type: CNAME, value: `www.${user}` }, 'Create');
      await page.getByText(`www.${user} may not be the whole name of a host`).first().waitFor();
      await look('form-question');
      await page.getByLabel('Value*', { exact: true }).press('Enter');
      await page.getByText(`www.${user} may not be the whole name of a host`).first().waitFor();
      assert.equal(new URL(page.url()).pathname, '/dns-records/new', 'the Enter key answers nothing');
      await page.getByRole('button', { name: `Create with www.${domain}.`, exact: true }).click();
      await page.waitForURL('**/dns-records');
      await answersEventually(`shop.${domain}`, 'CNAME', [`www.${domain}.`], performance.now());
      await linkOrButton(row(page, `shop.${domain}`), 'Edit DNS record').click();
      await page.getByText(`shop.${domain}. 300 IN CNAME www.${domain}.`).waitFor();
      await look('form-edit');
      assert.deepEqual(faults, [], 'errors in the browser');
    } finally {
      await context.close();
    }
  });
}

test('keys search and make a new record, unless one types or has turned them off', { timeout: TEST_LIMIT_MS }, async () => {
  const { context, page, faults } = await openWindow(browser);
  const box = page.getByLabel('Search names, values and notes');
  const isFocused = (element) => element.evaluate((it) => it === document.activeElement);
  const stays = async (what) => {
    await page.waitForTimeout(300);
    assert.equal(new URL(page.url()).pathname, '/dns-records', what);
  };
  try {
    await signIn(page, 'user1', 'user1pass', '/dns-records');
    assert.equal(await box.getAttribute('aria-keyshortcuts'), '/');
    await page.keyboard.press('/');
    assert.ok(await isFocused(box));
    await page.keyboard.type('n/');
    assert.equal(await box.inputValue(), 'n/', 'keys are text while one types');
    await box.blur();
    await page.keyboard.press('Control+n').catch(() => {});
    await page.keyboard.press('Alt+n');
    await stays('other keys are held');
    await page.keyboard.press('n');
    await page.waitForURL('**/dns-records/new');
    await page.goto('/dns-records');
    await page.getByLabel('Keys:').uncheck();
    await page.reload();
    assert.equal(await page.getByLabel('Keys:').isChecked(), false, 'it stays turned off');
    assert.equal(await box.getAttribute('aria-keyshortcuts'), null);
    await page.keyboard.press('/');
    assert.equal(await isFocused(box), false);
    await page.keyboard.press('n');
    await stays('keys are turned off');
    await page.getByLabel('Select all', { exact: true }).check();
    const boxes = await page.locator('input[form=selected]').evaluateAll((all) => all.map((it) => it.checked));
    assert.ok(boxes.length > 0 && boxes.every(Boolean), 'all are ticked');

    // On a phone the notes are folded; what has text is not.
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto('/dns-records/new');
    const course = page.getByLabel('Course', { exact: true });
    assert.equal(await course.isVisible(), false);
    await page.getByText('Notes for yourself').click();
    await course.waitFor();
    await page.reload();
    assert.ok(await course.isVisible(), 'it stays as it was last');
    assert.deepEqual(faults, [], 'errors in the browser');
  } finally {
    await context.close();
  }
});

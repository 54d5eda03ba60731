// The list of records and the editor in a real browser on a running demo: filter, sort, keys, several records at once, questions
// and what the form shows while one types; with scripts, screenshots and axe, then without scripts.
import assert from 'node:assert/strict';
import { answersEventually, deleteRecord, demo, dig, fillRecord, linkOrButton, row, signIn } from './demo.mjs';
import { story } from './story.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';
const CNAME = 'CNAME Record (Domain Name)';
const TXT = 'TXT Record (Text Value)';
const RECORDS = [
  { name: 'www', type: A, value: '192.168.1.1' },
  { name: 'www', type: A, value: '192.168.1.2' },
  { name: 'www', type: TXT, value: 'proof of something' },
  { name: 'bücher', type: A, value: '192.168.1.3' },
  { name: 'api', type: A, value: '192.168.1.4', parts: { 'Another TTL': '23h59m59s' } },
];

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

  story(`a user finds, renews and deletes several records ${how}`, options, async (page) => {
    const look = async (name) => {
      if (scripts) await checkAppearance(page, name);
    };
    await signIn(page, user, `${user}pass`, '/', { scripts });
    for (const record of RECORDS) {
      await page.goto('/dns-records/new');
      await fillRecord(page, record, 'Create');
      await page.waitForURL('**/dns-records');
    }
    await page.getByText('bücher.', { exact: false }).first().waitFor();
    assert.deepEqual(await values(page), ['192.168.1.4', '192.168.1.1', '192.168.1.2', 'proof of something', '192.168.1.3']);
    await look('list');

    // Whatever is on its way to the name servers, the page is not reloaded under one's hands.
    const box = page.getByLabel('Search names, values and notes');
    await select(page, '192.168.1.4');
    await box.fill('half ty');
    await page.waitForTimeout(5000);
    assert.ok(await row(page, '192.168.1.4').getByRole('checkbox').isChecked(), 'the tick stays');
    assert.equal(await box.inputValue(), 'half ty');
    await page.goto('/dns-records');

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
    const isFiltered = (url) => url.searchParams.get('q') === 'www' && url.searchParams.get('sort') === '-value';
    await linkOrButton(row(page, '192.168.1.2'), 'Renew DNS record').click();
    await page.getByText('has been successfully renewed').waitFor();
    assert.ok(isFiltered(new URL(page.url())), 'the filter stays');
    await deleteRecord(page, row(page, '192.168.1.2'));
    await page.getByText('has been successfully deleted').waitFor();
    assert.ok(isFiltered(new URL(page.url())), 'the filter stays');
    assert.equal((await values(page)).length, 2);
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByText('has been successfully restored').waitFor();
    assert.ok(isFiltered(new URL(page.url())), 'the filter stays');
    assert.equal((await values(page)).length, 3);
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

    // The way back leads to the question, not to a form that would be sent again.
    await select(page, '192.168.1.4');
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('has been successfully deleted').waitFor();
    await page.goBack();
    await page.getByText('1 ticked record is not there any more').waitFor();
  });

  story(`the form asks about what is half typed and shows what it publishes ${how}`, options, async (page) => {
    const look = async (name) => {
      if (scripts) await checkAppearance(page, name);
    };
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
  });
}

story('keys search and make a new record, unless one types or has turned them off', {}, async (page) => {
  const box = page.getByLabel('Search names, values and notes');
  const isFocused = (element) => element.evaluate((it) => it === document.activeElement);
  const stays = async (what) => {
    await page.waitForTimeout(300);
    assert.equal(new URL(page.url()).pathname, '/dns-records', what);
  };
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
});

// The history of records in a real browser on a running demo: undo, restore, replace what is in the way, look up; with scripts,
// screenshots and axe, then without scripts.
import assert from 'node:assert/strict';
import { answersEventually, deleteRecord, demo, fillRecord, linkOrButton, row, signIn } from './demo.mjs';
import { story } from './story.mjs';
import { checkAppearance } from './appearance.mjs';

const A = 'A Record (IPv4 Address)';
const CNAME = 'CNAME Record (Domain Name)';

for (const [how, options] of [['with scripts', {}], ['without scripts', { javaScriptEnabled: false }]]) {
  const scripts = options.javaScriptEnabled !== false;
  const name = scripts ? 'www' : 'plain';
  const fqdn = `${name}.user1.${demo.root}`;

  story(`a user undoes, restores, replaces and looks up a record ${how}`, options, async (page) => {
    await signIn(page, 'user1', 'user1pass', '/', { scripts });
    await page.goto('/dns-records/new');
    await fillRecord(page, { name, type: A, value: '192.0.2.1' }, 'Create');
    await page.waitForURL('**/dns-records');

    await linkOrButton(row(page, fqdn), 'Edit DNS record').click();
    await page.getByLabel('Value*', { exact: true }).fill('192.0.2.2');
    await page.getByRole('button', { name: 'Update', exact: true }).click();
    await page.waitForURL('**/dns-records');
    await page.getByRole('main').getByRole('link', { name: 'History' }).click();
    const edit = page.getByRole('row').filter({ hasText: 'Edited' }).filter({ hasText: fqdn }).first();
    assert.match(await edit.innerText(), /Value: 192\.0\.2\.1 → 192\.0\.2\.2/);
    if (scripts) await checkAppearance(page, 'history');
    await edit.getByRole('button', { name: 'Undo' }).click();
    await page.waitForURL('**/dns-records');
    await answersEventually(fqdn, 'A', ['192.0.2.1'], performance.now());

    await deleteRecord(page, row(page, fqdn));
    await page.getByText(`DNS Record "${fqdn}" has been successfully deleted`).waitFor();
    if (scripts) await checkAppearance(page, 'deleted-with-undo');
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByText(`DNS Record "${fqdn}" has been successfully restored`).waitFor();
    await answersEventually(fqdn, 'A', ['192.0.2.1'], performance.now());

    await page.goto('/dns-records/new');
    await fillRecord(page, { name, type: CNAME, value: 'example.org' }, 'Create');
    await page.getByText('At this name already:').waitFor();
    if (scripts) await checkAppearance(page, 'conflict');
    await page.getByRole('button', { name: 'Create and delete what is in the way' }).click();
    await page.waitForURL('**/dns-records');
    await answersEventually(fqdn, 'CNAME', ['example.org.'], performance.now());
    if (scripts) await checkAppearance(page, 'replaced-with-undo');
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByText('2 changes have been successfully undone').waitFor();
    await answersEventually(fqdn, 'A', ['192.0.2.1'], performance.now());

    await linkOrButton(row(page, fqdn), 'Lookup DNS record').click();
    await page.getByRole('button', { name: 'Ask them now' }).click();
    await page.getByText('As saved:').first().waitFor();
    if (scripts) await checkAppearance(page, 'lookup-world');
  });
}

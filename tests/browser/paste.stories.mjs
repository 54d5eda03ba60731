// Pasting records from a host's page in a real browser on a running demo: what was read, screenshots and axe, and the zone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answersEventually, demo, launch, openWindow, signIn, TEST_LIMIT_MS } from './demo.mjs';
import { checkAppearance } from './appearance.mjs';

const TABLE = `Type\tName\tValue
CNAME\tblog\tpages.example.net
TXT\t_verify.blog\t"site=1234"
hello there`;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const [how, options] of [['with scripts', {}], ['without scripts', { javaScriptEnabled: false }]]) {
  const scripts = options.javaScriptEnabled !== false;
  const user = scripts ? 'user1' : 'user2';

  test(`a user pastes a table ${how}`, { timeout: TEST_LIMIT_MS }, async () => {
    const { context, page, faults } = await openWindow(browser, options);
    try {
      await signIn(page, user, `${user}pass`, '/', { scripts });
      await page.goto('/dns-records/paste');
      if (scripts) await checkAppearance(page, 'paste');
      await page.getByRole('textbox').first().fill(TABLE);
      await page.getByRole('button', { name: 'Read', exact: true }).click();
      await page.getByText('hello there').first().waitFor();
      if (scripts) await checkAppearance(page, 'pasted');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.waitForURL('**/dns-records');
      const base = `${user}.${demo.root}`;
      await answersEventually(`blog.${base}`, 'CNAME', ['pages.example.net.'], performance.now());
      await answersEventually(`_verify.blog.${base}`, 'TXT', ['"site=1234"'], performance.now());
      await page.goto('/dns-records/zone-file/compare');
      if (scripts) await checkAppearance(page, 'zone-file');
      assert.deepEqual(faults, [], 'errors in the browser');
    } finally {
      await context.close();
    }
  });
}

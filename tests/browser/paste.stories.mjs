// Pasting records from a host's page in a real browser on a running demo: what was read, screenshots and axe, and the zone.
import { answersEventually, demo, signIn } from './demo.mjs';
import { story } from './story.mjs';
import { checkAppearance } from './appearance.mjs';

const TABLE = `Type\tName\tValue
CNAME\tblog\tpages.example.net
TXT\t_verify.blog\t"site=1234"
hello there`;

for (const [how, options] of [['with scripts', {}], ['without scripts', { javaScriptEnabled: false }]]) {
  const scripts = options.javaScriptEnabled !== false;
  const user = scripts ? 'user1' : 'user2';

  story(`a user pastes a table ${how}`, options, async (page) => {
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
    const text = await page.getByRole('textbox').first().inputValue();
    await page.getByRole('textbox').first().fill(text.replace('blog 300 IN CNAME pages.example.net.', 'blog 600 IN A 192.0.2.7'));
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByText('Tick the deletion of what is in the way too').waitFor();
    if (scripts) await checkAppearance(page, 'zone-file-compared');
    await page.getByRole('checkbox', { name: 'Delete' }).check();
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    await page.getByText('2 changes were made').waitFor();
    await answersEventually(`blog.${base}`, 'A', ['192.0.2.7'], performance.now());
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByText('2 changes have been successfully undone').waitFor();
    await answersEventually(`blog.${base}`, 'CNAME', ['pages.example.net.'], performance.now());
  });
}

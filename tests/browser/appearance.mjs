// Checks the appearance of a page: on a phone and a desktop, light and dark, with axe and without
// horizontal scrolling. Screenshots go to artifacts/.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import axe from 'axe-core';

const ARTIFACTS = new URL('../../artifacts/', import.meta.url).pathname;
const WIDTHS = { 360: 740, 1280: 800 };

/** Checks the page in its current state. `name` names the screenshots. Without scripts axe cannot run. */
export async function checkAppearance(page, name, { scripts = true } = {}) {
  await mkdir(ARTIFACTS, { recursive: true });
  const faults = [];
  for (const [width, height] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width: Number(width), height });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await sleep(100);
      await page.screenshot({ path: `${ARTIFACTS}${name}-${width}-${colorScheme}.png`, fullPage: true });
      if (scripts) faults.push(...(await violations(page)).map((fault) => `${width} px, ${colorScheme}: ${fault}`));
    }
    faults.push(...(await horizontalScroll(page, Number(width))));
  }
  await page.setViewportSize({ width: 1280, height: WIDTHS[1280] });
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(faults, [], `${name} (${page.url()})`);
}

async function violations(page) {
  // Runs through the debugger, to which the Content-Security-Policy does not apply.
  await page.evaluate(axe.source);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations.map((rule) => `axe ${rule.id}: ${rule.help}: ${rule.nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

async function horizontalScroll(page, width) {
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
  return scroll > width ? [`scrolls horizontally: ${scroll} px at ${width} px`] : [];
}

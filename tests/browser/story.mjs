// Stories: tests in a real browser on a running demo, each in a window of its own. One browser serves all stories of a file.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openWindow, TEST_LIMIT_MS } from './demo.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Defines a story in a new window with these options. Errors in the browser fail it. */
export function story(name, options, steps) {
  test(name, { timeout: TEST_LIMIT_MS }, async (t) => {
    const { context, page, faults } = await openWindow(browser, options);
    try {
      await steps(page, t);
      assert.deepEqual(faults, [], 'errors in the browser');
    } finally {
      await context.close();
    }
  });
}

/** Opens another window beside that of the story. */
export function openAnother(options) {
  return openWindow(browser, options);
}

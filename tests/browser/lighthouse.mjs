// Measures Lighthouse's scores of accessibility and best practices in a separate browser.
import { createServer } from 'node:net';
import run from 'lighthouse';
import { demo, launch } from './demo.mjs';

const CATEGORIES = ['accessibility', 'best-practices'];

/**
 * Returns the lower of the two scores (0 to 100) of each of `paths` with these cookies (of Playwright's
 * `context.cookies()`), and the audits that failed.
 */
export async function lighthouse(paths, cookies) {
  const port = await freePort();
  const browser = await launch(`--remote-debugging-port=${port}`);
  try {
    // Lighthouse opens a tab in the default context, which newContext() does not reach.
    const session = await browser.newBrowserCDPSession();
    const scores = [];
    for (const path of paths) {
      // Before each run, because a run removes them.
      await session.send('Storage.setCookies', {
        cookies: cookies.map(({ name, value, path, httpOnly, secure }) => ({ name, value, path, httpOnly, secure, url: demo.url })),
      });
      const result = await run(demo.url + path, {
        port,
        onlyCategories: CATEGORIES,
        disableStorageReset: true,
        logLevel: 'error',
      });
      const finalPath = new URL(result.lhr.finalDisplayedUrl).pathname;
      if (finalPath !== path) throw new Error(`Lighthouse was redirected from ${path} to ${finalPath}`);
      const lowest = Math.min(...CATEGORIES.map((name) => result.lhr.categories[name].score));
      const weighted = CATEGORIES.flatMap((name) => result.lhr.categories[name].auditRefs).filter(({ weight }) => weight > 0);
      const failed = weighted.map(({ id }) => result.lhr.audits[id]).filter(({ score }) => score !== null && score < 1);
      scores.push({ path, score: Math.round(lowest * 100), failed: failed.map(({ id }) => id) });
    }
    return scores;
  } finally {
    await browser.close();
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

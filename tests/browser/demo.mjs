// The running demo and common steps on it. STARCHART_DEMO is the line that
// `starchart demo --json` prints:
// {"url": "http://127.0.0.1:8080", "dns": "127.0.0.1:5300", "root": "starchart.com"}
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);

if (!process.env.STARCHART_DEMO) {
  throw new Error('STARCHART_DEMO is not set: run script/test browser, or set it to the line that `starchart demo --json` prints');
}
export const demo = JSON.parse(process.env.STARCHART_DEMO);

/** How long a test waits for anything before it fails: machines that run tests are shared and noisy. */
export const WAIT_LIMIT_MS = 120_000;
/** The limit of a whole test, which waits several times. */
export const TEST_LIMIT_MS = 600_000;

/** Starts the browser of STARCHART_BROWSER, or Debian's Chromium. */
export function launch(...more) {
  const executablePath = process.env.STARCHART_BROWSER ?? '/usr/bin/chromium';
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];
  return chromium.launch({ executablePath, args: [...args, ...more] });
}

/** Opens a window. `faults` collects its errors: refused scripts, missing files, exceptions. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ reducedMotion: 'reduce', baseURL: demo.url, ...options });
  context.setDefaultTimeout(WAIT_LIMIT_MS);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error}`));
  page.on('console', (message) => {
    // The browser also reports pages that have status 4xx on purpose, and checks of a form that is refused like the form itself.
    const { url } = message.location();
    const expected = message.text().startsWith('Failed to load resource') && (url === page.url() || url.endsWith('/check'));
    if (message.type() === 'error' && !expected) faults.push(`${page.url()}: ${message.text()}`);
  });
  return { context, page, faults };
}

/**
 * Opens `path` as a guest and signs in. Without scripts the identity provider's last page has a
 * button.
 */
export async function signIn(page, username, password, path = '/', { scripts = true } = {}) {
  await page.goto(path);
  await page.getByRole('button', { name: 'Sign In' }).click();
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Login' }).click();
  if (!scripts) await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL((url) => url.origin === new URL(demo.url).origin && url.pathname === path);
}

/** Finds a link or a button, whichever the page uses. */
export function linkOrButton(scope, name) {
  const exact = { name, exact: true };
  return scope.getByRole('link', exact).or(scope.getByRole('button', exact)).filter({ visible: true }).first();
}

/** Fills in a field, or chooses the option with this value. */
export async function fillField(field, text) {
  if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(text);
  else await field.fill(text);
}

/**
 * Fills in and submits the form of a record. `parts` are the labels and texts of the fields that
 * only its type has. Returns the time of the click.
 */
export async function fillRecord(page, { name, type, value, parts = {} }, button) {
  await page.getByLabel('Name*', { exact: true }).fill(name);
  await page.getByLabel('Type*', { exact: true }).selectOption({ label: type });
  for (const [label, text] of Object.entries(parts)) await fillField(page.getByLabel(label, { exact: true }), text);
  await page.getByLabel('Value*', { exact: true }).fill(value);
  const clicked = performance.now();
  await page.getByRole('button', { name: button, exact: true }).click();
  return clicked;
}

/** Finds the last table row with `text`. */
export function row(page, text) {
  return page.getByRole('row').filter({ hasText: text }).last();
}

/** Deletes the record in `scope` and confirms. Returns the time of the click. */
export async function deleteRecord(page, scope) {
  await linkOrButton(scope, 'Delete DNS record').click();
  const question = page.locator('section').filter({ hasText: "Are you sure? You can't undo this action afterwards.", visible: true });
  const clicked = performance.now();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  return clicked;
}

/** Queries the demo's name server. Returns the answers in alphabetical order. */
export async function dig(name, type) {
  const [host, port] = demo.dns.split(/:(?=\d+$)/);
  const { stdout } = await run('dig', [`@${host}`, '-p', port, '+short', '+time=5', '+tries=3', name, type]);
  return stdout.trim().split('\n').filter(Boolean).sort();
}

/** Polls the demo's name server until it answers `expected`; returns the milliseconds since the click at `since`. */
export async function answersEventually(name, type, expected, since) {
  const deadline = performance.now() + WAIT_LIMIT_MS;
  let answer;
  do {
    answer = await dig(name, type);
    if (JSON.stringify(answer) === JSON.stringify(expected)) return Math.round(performance.now() - since);
    await sleep(20);
  } while (performance.now() < deadline);
  assert.deepEqual(answer, expected, `dig ${name} ${type}, ${WAIT_LIMIT_MS} ms after the click`);
}

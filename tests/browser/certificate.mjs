// Checks downloaded certificate files with openssl.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { demo } from './demo.mjs';

const run = promisify(execFile);

/** Returns path and text of a download. */
export async function savedFile(download) {
  const path = await download.path();
  return { path, text: await readFile(path, 'utf8') };
}

/** Asserts that the certificate chains to the demo's root and is valid for these names. */
export async function certificateVerifies({ certificate, chain }, names) {
  for (const name of names) {
    const { stdout } = await run('openssl', [
      ...['verify', '-purpose', 'sslserver', '-verify_hostname', name],
      ...['-CAfile', demo.ca_root, '-untrusted', chain.path, certificate.path],
    ]);
    assert.match(stdout, /: OK/, name);
  }
}

/** Asserts that certificate and private key have the same public key. */
export async function keyFits({ certificate, privkey }) {
  const [ofCertificate, ofKey] = await Promise.all([
    run('openssl', ['x509', '-in', certificate.path, '-noout', '-pubkey']),
    run('openssl', ['pkey', '-in', privkey.path, '-pubout']),
  ]);
  assert.equal(ofCertificate.stdout, ofKey.stdout);
}

// What openssl says about the files that a person downloaded.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { demo } from './demo.mjs';

const run = promisify(execFile);

/** A download, on the disk and as text. */
export async function savedFile(download) {
  const path = await download.path();
  return { path, text: await readFile(path, 'utf8') };
}

/** The certificate leads to the demo's root and is good for these names. */
export async function certificateVerifies({ certificate, chain }, names) {
  for (const name of names) {
    const { stdout } = await run('openssl', [
      ...['verify', '-purpose', 'sslserver', '-verify_hostname', name],
      ...['-CAfile', demo.ca_root, '-untrusted', chain.path, certificate.path],
    ]);
    assert.match(stdout, /: OK/, name);
  }
}

/** Certificate and private key have the same public key. */
export async function keyFits({ certificate, privkey }) {
  const [ofCertificate, ofKey] = await Promise.all([
    run('openssl', ['x509', '-in', certificate.path, '-noout', '-pubkey']),
    run('openssl', ['pkey', '-in', privkey.path, '-pubout']),
  ]);
  assert.equal(ofCertificate.stdout, ofKey.stdout);
}

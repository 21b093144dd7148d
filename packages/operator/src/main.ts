#!/usr/bin/env node
// Nothing may be imported before this: under an older Node the libraries fail at their import, with words that help nobody.
const NEEDED = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(`kube-trigger: needs Node >= ${NEEDED.join('.')}, this is ${process.versions.node}\n`);
  process.exit(1);
}
const { runCli } = await import('./cli/cli.js');
process.exitCode = await runCli(process.argv.slice(2));

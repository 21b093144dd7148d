import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defineAction, defineSource, sleep } from '@kube-trigger/core';
import { Type } from 'typebox';

/** What a file contains: looked at twice a second. It says what is; the runtime finds out what changed, also while the program did not run. */
export const file = defineSource({
  name: 'file',
  summary: 'Fires when a file is another one.',
  config: Type.Object({ path: Type.String({ description: 'The file.' }) }, { additionalProperties: false }),
  semantics: 'level',
  revisionFormat: 1,
  rbac: [],
  create: () => ({
    async *open({ path }, { scheduler, signal }) {
      for (let there; !signal.aborted; await sleep(500, scheduler, signal)) {
        const content = await readFile(path).catch(() => undefined);
        if (content !== undefined) yield { change: 'present', key: path, revision: digestOf(content) };
        else if (there === true) yield { change: 'absent', key: path };
        if (there === undefined) yield { change: 'synced' };
        there = content !== undefined;
      }
    },
  }),
});

export const print = defineAction({
  name: 'print',
  summary: 'Prints a line.',
  config: Type.Object({ text: Type.String({ description: 'What it says.' }) }, { additionalProperties: false }),
  semantics: 'edge',
  rbac: [],
  create: () => ({
    async run({ text }, { event }) {
      process.stdout.write(`${text}: ${event.key}\n`);
      return { outcome: 'done', targets: [{ target: 'stdout', outcome: 'done' }] };
    },
  }),
});

function digestOf(content) {
  return createHash('sha256').update(content).digest('base64url');
}

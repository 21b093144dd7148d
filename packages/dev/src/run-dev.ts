import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DevOptions } from '@kube-trigger/operator';
import picocolors from 'picocolors';
import { DevSession } from './dev-session.js';
import { Inbox } from './inbox.js';
import type { Line } from './protocol.js';

/**
 * `kube-trigger dev`: a cluster of its own with an operator, until SIGINT or SIGTERM; then nothing of it is left. Rejects, with nothing left,
 * when a file that was named is not there or the inbox's port is taken.
 */
export async function runDev(options: DevOptions): Promise<void> {
  const { out, inboxPort } = options;
  const ended = firstSignal();
  const say = printer(out);
  const folder = await mkdtemp(join(tmpdir(), 'kube-trigger-dev-'));
  const kubeconfig = join(folder, 'kubeconfig');
  let session: DevSession | undefined;
  let inbox: Inbox | undefined;
  try {
    inbox = inboxPort === undefined ? undefined : await Inbox.open(inboxPort, say);
    session = await DevSession.open(options, { kubeconfig, say });
    out.write(`kube-trigger dev: a cluster of its own, and the operator; Ctrl-C ends both\n\n`);
    out.write(`  export KUBECONFIG=${kubeconfig}\n\n`);
    if (inbox !== undefined) say({ about: 'inbox', text: inbox.url });
    await session.start();
    await ended;
  } finally {
    await session?.[Symbol.asyncDispose]();
    await inbox?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** One line each, with the time: `10:31:06 shop/web: …`. Colours only on a terminal that wants them. */
function printer(out: DevOptions['out']): (line: Line) => void {
  const { green, red, dim, bold } = picocolors.createColors(
    out.isTTY === true && process.env['NO_COLOR'] === undefined,
  );
  const plain = (text: string) => text;
  return ({ about, text, tone }) => {
    const colour = tone === 'good' ? green : tone === 'bad' ? red : plain;
    out.write(`${dim(new Date().toTimeString().slice(0, 8))} ${bold(about)}: ${colour(text)}\n`);
  };
}

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { ancestorTitles: string[]; title: string; status: string }[];
  }[];
}

/** Failed tests by plugin, and the tests there are. */
let failed: Map<string, Set<string>>;
let titles: Set<string>;

/** The suites define vitest tests, so only a run of vitest can tell which of them a faulty plugin fails. */
beforeAll(async () => {
  const config = fileURLToPath(new URL('fixtures/vitest.config.ts', import.meta.url));
  const vitest = fileURLToPath(new URL('../../../../node_modules/vitest/vitest.mjs', import.meta.url));
  const dir = await mkdtemp(join(tmpdir(), 'kube-trigger-suites-'));
  const outputFile = join(dir, 'report.json');
  const args = [vitest, 'run', '--config', config, '--reporter', 'json', '--outputFile', outputFile];
  // It exits with 1, since most of the plugins fail: the report tells.
  await promisify(execFile)(process.execPath, args).catch(() => undefined);
  const { testResults } = JSON.parse(await readFile(outputFile, 'utf8')) as Report;
  await rm(dir, { recursive: true });
  failed = new Map();
  titles = new Set();
  for (const { ancestorTitles, title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const [plugin = ''] = ancestorTitles;
    titles.add(title);
    const failures = failed.get(plugin) ?? new Set();
    failed.set(plugin, status === 'failed' ? failures.add(title) : failures);
  }
}, 300_000);

it.each([
  'the source contract of good',
  'the source contract of good edge',
  'the source contract of good with objects',
  'the filter contract of good',
  'the filter contract of looks at the object',
  'the filter contract of coded errors',
  'the action contract of good',
  'the action contract of good waiting',
  'the action contract of good edge',
])('%s holds', (plugin) => {
  expect(failed.get(plugin)).toEqual(new Set());
});

describe('a source that', () => {
  it.each([
    ['acquires in open', 'acquires nothing before it is subscribed'],
    ['leaks', 'releases everything on unsubscribe'],
    ['leaks when ended by the first event', 'releases everything when its first event ends the subscription'],
    ['talks after unsubscribe', 'says nothing after unsubscribe, while others go on'],
    ['never synced', 'says every key that exists, and then synced'],
    ['synced before it said everything', 'says every key that exists, and then synced'],
    ['says the state at start only', 'says each later state'],
    ['forgets what changed while it was closed', 'has lost nothing when it is opened again'],
    ['unstable revisions', 'names equal states by equal revisions'],
    ['says it has objects, and has none', 'reads what its keys stand for where it says so, with the RBAC it declares'],
    ['reads an object that is not there', 'reads what its keys stand for where it says so, with the RBAC it declares'],
    ['reads without the right to', 'reads what its keys stand for where it says so, with the RBAC it declares'],
    ['long revisions', 'gives keys, revisions and parts the agreed form'],
    ['lets contents out', 'lets no contents out'],
    ['verdicts without a reason', 'answers every kind of change with a verdict that has a reason'],
    ['undeclared RBAC', 'declares the RBAC for what it asks of the Kubernetes API'],
    ['errors without a code', 'says that it cannot see with a coded error, and synced once it sees again'],
    ['swallows its blindness', 'says that it cannot see with a coded error, and synced once it sees again'],
    ['throws out of open', 'turns a throwing collaborator into an error of the Observable and holds nothing'],
    ['an edge that repeats its revisions', 'says synced, and each occurrence once with a revision of its own'],
    ['an option without a description', 'describes every option'],
    ['takes unknown options', 'refuses unknown options by name'],
    ['refuses its own defaults', 'takes its own defaults'],
    [
      'a schema that JSON changes',
      'is plain data as a schema, and so is what comes of it: definitions and editors get it as JSON',
    ],
    ['holds more with each change', 'holds no more after many changes than after one'],
    ['remembers everything', 'keeps none of many events that it said, beside the latest states'],
    ['another contract', 'can be registered'],
    ['a code that is none', 'names its error codes and what they mean'],
  ])('%s fails: %s', (plugin, title) => {
    expect(failed.get(`the source contract of ${plugin}`)).toContain(title);
  });
});

describe('a filter that', () => {
  const answers = 'answers each of 10,000 events with a verdict that has a reason, or a declared error with a fix';
  const later = 'defers into the future only, and not for ever';
  const same = 'answers the same for the same event at the same time, whatever it was asked between';
  it.each([
    ['throws', answers],
    ['errors without a fix', answers],
    ['an undeclared code', answers],
    ['verdicts without a reason', answers],
    ['no verdict', answers],
    ['defers into the past', later],
    ['defers for ever', later],
    ['defers to the end of time', later],
    ['changes the event', 'leaves event and config as they are'],
    ['changes its config', 'leaves event and config as they are'],
    ['has a timer', 'has no timers and logs nothing'],
    ['chatters', 'has no timers and logs nothing'],
    ['counts', same],
    ['is another one after a restart', same],
    ['remembers everything', 'keeps next to nothing of many events'],
    ['looks at the object without saying so', 'looks at the object only where its plugin says so'],
    ['says that it looks at the object', 'looks at the object only where its plugin says so'],
    ['an option without a description', 'describes every option'],
  ])('%s fails: %s', (plugin, title) => {
    expect(failed.get(`the filter contract of ${plugin}`)).toContain(title);
  });
});

describe('an action that', () => {
  it.each([
    ['does nothing', 'acts, and names its targets'],
    ['leaves something open', 'holds nothing once it has acted'],
    ['names no target', 'acts, and names its targets'],
    ['waits for ever', 'acts, and names its targets'],
    ['waits without a reason', 'acts, and names its targets'],
    ['repeats itself', 'repeats nothing for a revision that is there already, in the same process'],
    ['repeats itself after a restart', 'repeats nothing for a revision that is there already, after a restart'],
    ['acts once only', 'acts again for another revision'],
    ['does not hear its signal', 'does nothing when its signal is aborted already'],
    ['does not hear its signal', 'ends when its signal is aborted while a target does not answer'],
    ['errors without a code', 'rejects with the declared code and a fix, for everything that can go wrong'],
    ['errors without a fix', 'rejects with the declared code and a fix, for everything that can go wrong'],
    ['another code', 'rejects with the declared code and a fix, for everything that can go wrong'],
    ['an undeclared code', 'rejects with the declared code and a fix, for everything that can go wrong'],
    ['throws', 'rejects, and does not throw, when a collaborator throws'],
    ['a check that touches', 'checks a good world without touching it'],
    ['a check that notices nothing', 'notices in check what would go wrong'],
    ['remembers everything', 'keeps none of many events that it acted for'],
    ['undeclared RBAC', 'declares the RBAC for what it asks of the Kubernetes API'],
    [
      'an edge with a new id per attempt',
      'sends the same id again with a redelivery, and another one with another event',
    ],
  ])('%s fails: %s', (plugin, title) => {
    expect(failed.get(`the action contract of ${plugin}`)).toContain(title);
  });
});

it('has no test that no fault can fail', () => {
  const caught = new Set([...failed.values()].flatMap((failures) => [...failures]));
  expect([...titles].filter((title) => !caught.has(title))).toEqual([]);
});

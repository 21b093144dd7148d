import { createHash } from 'node:crypto';
import type { Logger } from '@kube-trigger/core';
import { concatMap, exhaustMap, from, type Observable, type SchedulerLike, startWith, timer } from 'rxjs';
import { FIRE_ANNOTATION, RESUME_ANNOTATION, RETRY_ANNOTATION } from '../api/resources.js';
import type { FileContent, Finding, RuleManifest } from '../rule-files/manifests.js';
import { pathsWithoutRules, readRuleFiles } from '../rule-files/read-files.js';
import type { FeedEvent, RuleFeed } from '../rules/rule-feed.js';
import type { TriggerRule } from '../rules/trigger-rule.js';

export interface FileFeedOptions {
  readonly paths: readonly string[];
  /** Of rules that name none. */
  readonly namespace: string;
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  /** Told which rules there are, by uid, at the start and after each change. */
  readonly onRules?: (uids: ReadonlySet<string>) => void;
}

/** Mounted ConfigMaps change by swapped links, which file notifications miss: so files are looked at. */
const LOOK_MS = 2000;

/** Reads the files once, so that what cannot be read is said before anything starts; then looks for changes every two seconds. */
export async function fileFeed(options: FileFeedOptions): Promise<RuleFeed> {
  const rules = new RulesOfFiles(options);
  const first = [...(await rules.read()), { type: 'synced' as const }];
  const looks = timer(LOOK_MS, LOOK_MS, options.scheduler).pipe(exhaustMap(() => from(rules.look())));
  return looks.pipe(
    startWith(first),
    concatMap((events): Observable<FeedEvent> => from(events)),
  );
}

class RulesOfFiles {
  #known = new Map<string, TriggerRule>();
  #complaint = '';
  #empty = '';

  constructor(private readonly options: FileFeedOptions) {}

  /** What changed since the last look. A file that cannot be read changes nothing at all: half an edit is no deletion. */
  async look(): Promise<FeedEvent[]> {
    try {
      const events = await this.read();
      this.#complaint = '';
      return events;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      if (error !== this.#complaint)
        this.options.logger.warn(
          { error, fix: 'Correct the file' },
          'rule files cannot be read; rules stay as they are',
        );
      this.#complaint = error;
      return [];
    }
  }

  async read(): Promise<FeedEvent[]> {
    const contents = await readRuleFiles(this.options.paths);
    const found = this.#rulesOf(contents);
    this.#tellEmpty(pathsWithoutRules(this.options.paths, contents));
    const events: FeedEvent[] = [];
    for (const [id, { namespace, name }] of this.#known)
      if (!found.has(id)) events.push({ type: 'absent', namespace, name });
    for (const [id, rule] of found) if (rule !== this.#known.get(id)) events.push({ type: 'present', rule });
    this.#known = found;
    this.options.onRules?.(new Set([...found.values()].map(({ uid }) => uid)));
    return events;
  }

  /** Somebody who gave a path expects rules from it. */
  #tellEmpty(paths: readonly string[]): void {
    const empty = paths.join(', ');
    if (empty !== '' && empty !== this.#empty)
      this.options.logger.warn({ paths, fix: 'Put TriggerRules there, or correct --file' }, 'no TriggerRule is there');
    this.#empty = empty;
  }

  #rulesOf(contents: readonly FileContent[]): Map<string, TriggerRule> {
    const [finding] = contents.flatMap(({ findings }) => findings);
    if (finding !== undefined) throw new Error(inWords(finding));
    const rules = new Map<string, TriggerRule>();
    for (const manifest of contents.flatMap((content) => content.rules)) {
      const namespace = manifest.namespace ?? this.options.namespace;
      const id = `${namespace}/${manifest.name}`;
      if (rules.has(id))
        throw new Error(inWords({ ...manifest, path: '', message: `TriggerRule ${id} is there twice` }));
      rules.set(id, this.#next(id, namespace, manifest));
    }
    return rules;
  }

  /** The same object while nothing changed. */
  #next(id: string, namespace: string, { name, spec, annotations }: RuleManifest): TriggerRule {
    const before = this.#known.get(id);
    const commands = {
      retry: annotations[RETRY_ANNOTATION],
      resume: annotations[RESUME_ANNOTATION],
      fire: annotations[FIRE_ANNOTATION],
    };
    const isSame = before !== undefined && JSON.stringify(spec) === JSON.stringify(before.spec);
    const isAsked = Object.entries(commands).some(([key, value]) => before?.[key as keyof typeof commands] !== value);
    if (isSame && !isAsked) return before;
    // What a file asked for before this process began was asked of another one.
    const handled = JSON.parse(JSON.stringify(commands)) as Partial<Record<keyof typeof commands, string>>;
    return {
      namespace,
      name,
      uid: uidOf(id),
      generation: (before?.generation ?? 0) + (isSame ? 0 : 1),
      deleting: false,
      ...commands,
      spec,
      status: before?.status ?? { handled },
    };
  }
}

/** The same for the same name: what the checkpoint of a rule is found by. */
function uidOf(id: string): string {
  return createHash('sha256').update(`standalone/${id}`).digest('hex').slice(0, 32);
}

function inWords({ file, line, column, path, message }: Finding): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

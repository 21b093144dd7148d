import {
  type Action,
  type ActionContext,
  type ActionResult,
  type Delivery,
  isTriggerError,
  TriggerError,
} from '@kube-trigger/core';
import { EvaluationError } from '@kube-trigger/expressions';
import { FanOut, type KubeClient, KubeClientToken, MountWatch, mustExec, type Pod } from '@kube-trigger/kube';
import { inject, injectable } from 'tsyringe';
import type { ExecConfig } from './config.js';
import { execError } from './errors.js';
import { chosenContainer, containerOf, type Place, placeOf, targetPods } from './targets.js';
import { compileWord } from './validate.js';
import { judge } from './verdict.js';

interface Attempt {
  readonly config: ExecConfig;
  readonly command: readonly string[];
  readonly place: Place;
  /** Pods that are not entered, because they do not see what they should. */
  readonly blind: ReadonlyMap<Pod, TriggerError>;
}

/**
 * Runs the command once per pod. Pods in which it succeeded, or failed for good, are not asked again for the same delivery as long as this
 * instance lives; after a restart, or when the answer was lost, it runs again.
 */
@injectable()
export class ExecAction implements Action<ExecConfig> {
  readonly #fanOut = new FanOut({ podsFailed: 'KT_EXEC_PODS_FAILED', doneBefore: 'ran in an earlier attempt' });
  readonly #mounts: MountWatch;

  constructor(@inject(KubeClientToken) private readonly kube: KubeClient) {
    this.#mounts = new MountWatch(kube);
  }

  async run(config: ExecConfig, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    context.signal.throwIfAborted();
    const place = placeOf(this.kube, config, context);
    const command = commandOf(config, delivery, context);
    const pods = await targetPods(config, place);
    if ('scaledToZero' in pods) {
      const message = 'is scaled to zero: its pods will start with the new state';
      return { outcome: 'unchanged', targets: [{ target: pods.scaledToZero, outcome: 'unchanged', message }] };
    }
    const readerOf = (pod: Pod) => chosenContainer(pod, config.container);
    const mounted = await this.#mounts.ask(config.waitForMount, { pods, readerOf, delivery, context });
    if ('waiting' in mounted) return mounted.waiting;
    const attempt = { config, command, place, blind: mounted.blind };
    const targets = pods.map((pod) => fanOutTarget(pod, place));
    const round = { targets, parallelism: config.parallelism, delivery, signal: context.signal };
    return this.#fanOut.run(round, ({ pod }) => this.#exec(pod, attempt));
  }

  /** The pods are there, have the container, and may be entered. Runs nothing. */
  async check(config: ExecConfig, context: ActionContext): Promise<void> {
    context.signal.throwIfAborted();
    const place = placeOf(this.kube, config, context);
    const pods = await targetPods(config, place);
    if ('scaledToZero' in pods) return;
    for (const pod of pods) containerOf(pod, config.container);
    await mustExec(this.kube, { ...place, name: config.name });
  }

  async #exec(pod: Pod, { config, command, place, blind }: Attempt): Promise<string> {
    const { namespace, signal } = place;
    const unseen = blind.get(pod);
    if (unseen !== undefined) throw unseen;
    const container = containerOf(pod, config.container);
    try {
      const result = await this.kube.exec({ namespace, pod: pod.metadata.name ?? '', container, command }, { signal });
      return judge(result, config);
    } catch (thrown) {
      throw isTriggerError(thrown) && thrown.code === 'KT_KUBE_INVALID' ? endedMeanwhile(thrown) : thrown;
    }
  }
}

function fanOutTarget(pod: Pod, { namespace }: Place) {
  const name = `Pod/${namespace}/${pod.metadata.name ?? ''}`;
  return { name, id: pod.metadata.uid ?? name, pod };
}

/** Pod and container were there a moment ago, so what the server refuses has just ended: a repetition asks those that are there then. */
function endedMeanwhile({ code, message, facts }: TriggerError): TriggerError {
  return new TriggerError(code, message, { retry: 'backoff', facts });
}

/** All words are part of one URL. */
const MAX_COMMAND = 65_536;

function commandOf({ command }: ExecConfig, { event }: Delivery, { rule }: ActionContext): string[] {
  const words = command.map((word, index) => {
    try {
      const { template, issue } = compileWord(word);
      if (template === undefined) throw new EvaluationError(issue, { fix: 'Correct it' });
      return template.render(event, rule);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      throw execError('KT_EXEC_TEMPLATE', `command[${index}]: ${error.message}`, { retry: 'never', fix: error.fix });
    }
  });
  const length = words.reduce((sum, word) => sum + word.length, 0);
  if (length <= MAX_COMMAND) return words;
  throw execError('KT_EXEC_TEMPLATE', `the command has ${length} characters; at most ${MAX_COMMAND} can be sent`, {
    retry: 'never',
    fix: 'Put into it the names of things, not the things',
  });
}

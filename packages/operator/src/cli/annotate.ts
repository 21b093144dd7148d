import { isTriggerError } from '@kube-trigger/core';
import { createKubeClient } from '@kube-trigger/kube';
import { Command } from 'commander';
import { RESUME_ANNOTATION, RETRY_ANNOTATION, TRIGGER_RULE } from '../api/resources.js';
import { createLogger } from '../logger.js';
import { chooseAuth, type ClusterOptions } from './cluster-options.js';

interface AnnotateOptions extends ClusterOptions {
  readonly namespace?: string;
}

/** `kube-trigger retry RULE` and `kube-trigger resume RULE`: both set an annotation that the operator acts on. */
export function annotateCommands(): Command[] {
  return [
    command('retry', 'Deliver again what a rule gave up (status.deadLetters).', RETRY_ANNOTATION),
    command('resume', 'Let a rule act again after its breaker tripped.', RESUME_ANNOTATION),
  ];
}

function command(name: string, description: string, annotation: string): Command {
  return new Command(name)
    .description(description)
    .argument('<rule>', 'the TriggerRule')
    .option('-n, --namespace <name>', "the rule's namespace (default: the context's, else default)")
    .option('--kubeconfig <file>', 'use this kubeconfig')
    .option('--context <name>', 'use this context of the kubeconfig')
    .addHelpText('after', `\nExample:\n  kube-trigger ${name} web -n shop`)
    .action((rule: string, options: AnnotateOptions) => annotate(rule, annotation, options));
}

async function annotate(name: string, annotation: string, options: AnnotateOptions): Promise<void> {
  const auth = chooseAuth(options);
  const kube = createKubeClient({ auth, logger: createLogger('silent') });
  try {
    const namespace = options.namespace ?? (await auth.namespace()) ?? 'default';
    const ref = { resource: TRIGGER_RULE, namespace, name };
    const metadata = { annotations: { [annotation]: new Date().toISOString() } };
    await kube.patch(ref, { metadata }, { type: 'merge', fieldManager: 'kube-trigger-cli' });
    process.stdout.write(
      `triggerrule ${namespace}/${name}: asked; see kubectl describe triggerrule -n ${namespace} ${name}\n`,
    );
  } catch (thrown) {
    throw isTriggerError(thrown) ? new Error(thrown.explanation, { cause: thrown }) : thrown;
  } finally {
    await kube.close();
  }
}

import { defineAction, toTriggerError, TriggerError } from '@kube-trigger/core';
import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { HelloConfig } from './config.ts';

const GREETING = 'hello.example.com/greeting';
const REVISION = 'hello.example.com/revision';

export default defineAction({
  name: 'hello',
  summary: 'Writes a greeting on a ConfigMap.',
  config: HelloConfig,
  semantics: 'level',
  rbac: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'patch'] }],
  rbacFor: ({ configMap }) => [
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'patch'], resourceNames: [configMap] },
  ],
  errors: {
    KT_HELLO_NOT_FOUND: 'There is no such ConfigMap.',
    KT_HELLO_FAILED: 'The API server did not let the greeting be written.',
  },
  create: (inject) => {
    const kube = inject(KubeClientToken);
    return {
      async run({ configMap: name, greeting }, { revision, redelivered }, { rule, signal }) {
        const { namespace } = rule;
        const ref = { resource: WELL_KNOWN.ConfigMap, namespace, name };
        const target = `ConfigMap/${namespace}/${name}`;
        try {
          // An earlier attempt may have arrived: then there is nothing to do.
          if (redelivered && (await kube.get(ref, { signal })).metadata.annotations?.[REVISION] === revision)
            return { outcome: 'unchanged', targets: [{ target, outcome: 'unchanged' }] };
          const annotations = { [GREETING]: greeting, [REVISION]: revision };
          await kube.patch(ref, { metadata: { annotations } }, { type: 'merge', signal });
        } catch (cause) {
          throw inWords(cause, target);
        }
        return { outcome: 'done', targets: [{ target, outcome: 'done' }] };
      },
    };
  },
});

function inWords(cause: unknown, target: string): TriggerError {
  const { code, message } = toTriggerError(cause);
  if (code === 'KT_KUBE_NOT_FOUND')
    return new TriggerError('KT_HELLO_NOT_FOUND', `there is no ${target}`, {
      cause,
      fix: 'Create it, or correct configMap',
    });
  return new TriggerError('KT_HELLO_FAILED', message, { cause, fix: 'Grant what the plugin declares in rbac' });
}

import { type ConfiguredRbacRule, defineAction } from '@kube-trigger/core';
import { looksIntoMounts, MOUNT_RBAC } from '@kube-trigger/kube';
import { ExecConfig } from './config.js';
import { EXEC_ERRORS } from './errors.js';
import { ExecAction } from './exec-action.js';
import { NAME_IN_CEL, NAMESPACE_IN_CEL } from '@kube-trigger/kube';
import { compileWord, validateExec, workloadResource } from './validate.js';

/** Who may run commands in these pods, and see them. */
const AUTHOR_RIGHTS = `[
  'create||pods|exec|' + ${NAMESPACE_IN_CEL} + '|' + ${NAME_IN_CEL},
  (has(config.name) ? 'get' : 'list') + '||pods||' + ${NAMESPACE_IN_CEL} + '|' + ${NAME_IN_CEL},
  has(config.objectRef)
    ? 'get|apps|' + config.objectRef.kind.lowerAscii() + 's||' + ${NAMESPACE_IN_CEL} + '|' + config.objectRef.name
    : ''
]`;

/** The action `exec`. */
export const exec = defineAction({
  name: 'exec',
  summary: 'Runs a command in pods.',
  config: ExecConfig,
  semantics: 'edge',
  validate: validateExec,
  needsObject: ({ command }) => command.some((word) => compileWord(word).template?.needsObject ?? false),
  rbac: [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
    {
      apiGroups: ['apps'],
      resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
      verbs: ['get'],
    },
    // What a rule waits for, by `waitForMount`.
    { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get'], chosenByRules: true },
  ],
  rbacFor,
  authorRights: AUTHOR_RIGHTS,
  errors: EXEC_ERRORS,
  useClass: ExecAction,
});

/** What one config needs. Names of pods do not last, so only a pod that the config names is named. */
function rbacFor({ objectRef, name, namespace, waitForMount }: ExecConfig): ConfiguredRbacRule[] {
  const where = namespace === undefined ? {} : { namespace };
  const named = name === undefined ? {} : { resourceNames: [name] };
  const rules: ConfiguredRbacRule[] = [
    { apiGroups: [''], resources: ['pods'], verbs: [name === undefined ? 'list' : 'get'], ...named, ...where },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'], ...named, ...where },
  ];
  const resource = objectRef === undefined ? undefined : workloadResource(objectRef.kind);
  if (objectRef !== undefined && resource !== undefined) {
    const { group, plural } = resource;
    rules.push({ apiGroups: [group], resources: [plural], verbs: ['get'], resourceNames: [objectRef.name], ...where });
  }
  if (looksIntoMounts(waitForMount)) rules.push({ ...MOUNT_RBAC, ...where });
  return rules;
}

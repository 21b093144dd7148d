import type { ConfiguredRbacRule } from '@kube-trigger/core';
import {
  apiVersionOf,
  choiceRbac,
  guessedPlural,
  guessedPluralInCel,
  NAME_IN_CEL,
  NAMESPACE_IN_CEL,
  type Resource,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import type { ResourceConfig } from './config.js';

/** What watching these objects needs. The plural of a custom kind is known to the cluster only, so it is guessed, and the note says so. */
export function rbacForResource({ apiVersion, kind, ...choice }: ResourceConfig): ConfiguredRbacRule[] {
  const known = Object.values<Resource>(WELL_KNOWN).find(
    (resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion,
  );
  if (known !== undefined) return [{ ...choiceRbac(known, choice), ...(known.namespaced ? {} : { namespace: '' }) }];
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const plural = guessedPlural(kind);
  const note = `"${plural}" is guessed from the kind ${kind}, and that it is in namespaces; compare with: kubectl api-resources --api-group=${group}`;
  return [{ ...choiceRbac({ group, plural }, choice), note }];
}

const NAMESPACED = Object.values<Resource>(WELL_KNOWN)
  .filter(({ namespaced }) => namespaced)
  .map((resource) => `'${apiVersionOf(resource)} ${resource.kind}'`);

const READ = "(has(config.name) ? 'get|' : 'list|')";
const GROUP = "(config.apiVersion.contains('/') ? config.apiVersion.split('/')[0] : '')";
const PLURAL = guessedPluralInCel('config.kind');

/** Of a kind that is not known here nobody can tell whether it is in namespaces: whoever may read it everywhere may have it watched. */
export const AUTHOR_RIGHTS = `[${READ} + ${GROUP} + '|' + ${PLURAL} + '||'
  + (config.apiVersion + ' ' + config.kind in [${NAMESPACED.join(', ')}] ? ${NAMESPACE_IN_CEL} : '')
  + '|' + ${NAME_IN_CEL}]`;

import type { ConfiguredRbacRule } from '@kube-trigger/core';
import { apiVersionOf, choiceRbac, guessedPlural, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
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

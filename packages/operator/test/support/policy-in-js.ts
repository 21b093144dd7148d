import { Environment } from '@marcbachmann/cel-js';

interface Named {
  readonly name: string;
  readonly expression: string;
}

interface Policy {
  readonly kind: string;
  readonly spec: { readonly variables: readonly Named[]; readonly matchConditions: readonly Named[] };
}

const environment = new Environment({ unlistedVariablesAreDyn: true, limits: { maxListElements: 1000 } });
// Of Kubernetes' own library.
environment.registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) => BigInt(list.indexOf(item)));

const of = (policy: readonly object[]) => (policy[0] as Policy).spec;

/** The variables of an admission policy, but for those that ask the authorizer, as another implementation of CEL evaluates them. */
export function variablesOf(policy: readonly object[], spec: object, namespace: string): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  const context = { object: { spec }, request: { namespace, userInfo: { username: 'author' } }, variables };
  for (const { name, expression } of of(policy).variables) {
    const value: unknown = environment.evaluate(expression, context);
    variables[name] = value;
  }
  return variables;
}

/** Whether an update is looked at. */
export function isLookedAt(policy: readonly object[], object: object, oldObject: object): boolean {
  const context = { object, oldObject, request: { operation: 'UPDATE' } };
  return of(policy).matchConditions.every(({ expression }) => environment.evaluate(expression, context) === true);
}

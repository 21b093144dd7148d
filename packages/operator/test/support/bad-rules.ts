import { bundledRegistry } from '../../src/plugins/bundled.js';

const registry = bundledRegistry();
const installed = {
  source: registry.names('source').join(', '),
  filter: registry.names('filter').join(', '),
  action: registry.names('action').join(', '),
};

const CM = { configMap: { name: 'cm' } };
const ROLL = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } };

const spec = (parts: object) => ({ sources: [CM], actions: [ROLL], ...parts });
const source = (item: unknown) => spec({ sources: [item] });
const filter = (item: unknown) => spec({ filters: [item] });
const action = (item: unknown) => spec({ actions: [item] });
const webhook = (config: object) => action({ webhook: config });
const url = 'https://hooks.example.com/in';

export interface BadRule {
  readonly what: string;
  readonly spec: unknown;
  /** `path: message` of each finding, in order. */
  readonly says: readonly string[];
}

const bad = (what: string, wrong: unknown, ...says: readonly string[]): BadRule => ({ what, spec: wrong, says });

/** Wrong rules with all that is said about them, by `kube-trigger lint` and by the rule's `Accepted` condition alike. */
export const BAD_RULES: readonly BadRule[] = [
  bad('an empty spec', {}, 'spec.sources: is required', 'spec.actions: is required'),
  bad('a spec that is text', 'x', 'spec: "x" must be object'),
  bad('no sources', { actions: [ROLL] }, 'spec.sources: is required'),
  bad('no actions', { sources: [CM] }, 'spec.actions: is required'),
  bad('an empty list of sources', spec({ sources: [] }), 'spec.sources: the list must not have fewer than 1 items'),
  bad('sources that are a map', spec({ sources: CM }), 'spec.sources: the object must be array'),
  bad('a source that is text', source('configMap'), 'spec.sources[0]: "configMap" must be object'),
  bad('a misspelt field of spec', spec({ filtrs: [] }), 'spec.filtrs: is not a known field; did you mean "filters"?'),
  bad(
    'a field of spec that is like no other',
    spec({ schedule: '0 3 * * *' }),
    'spec.schedule: is not a known field; known fields: actions, delivery, filters, onFirstSeen, serviceAccountName, sources, suspend',
  ),
  bad('suspend as text', spec({ suspend: 'yes' }), 'spec.suspend: "yes" must be boolean'),
  bad('an unknown onFirstSeen', spec({ onFirstSeen: 'now' }), 'spec.onFirstSeen: "now" is not one of baseline, run'),
  bad('too little concurrency', spec({ delivery: { concurrency: 0 } }), 'spec.delivery.concurrency: 0 must be >= 1'),
  bad(
    'a misspelt field of delivery',
    spec({ delivery: { concurency: 1 } }),
    'spec.delivery.concurency: is not a known field; did you mean "concurrency"?',
  ),
  bad(
    'a misspelt field of the breaker',
    spec({ delivery: { breaker: { window: 5 } } }),
    'spec.delivery.breaker.window: is not a known field; known fields: limit, windowSeconds',
  ),
  bad(
    'a source without a plugin',
    source({}),
    `spec.sources[0]: needs exactly one source plugin, found none (a key without a value is none: write {}); installed: ${installed.source}`,
  ),
  bad(
    'a source with a name only',
    source({ name: 'x' }),
    `spec.sources[0]: needs exactly one source plugin, found none (a key without a value is none: write {}); installed: ${installed.source}`,
  ),
  bad(
    'two plugins in a source',
    source({ configMap: {}, secret: {} }),
    `spec.sources[0]: needs exactly one source plugin, found configMap and secret; installed: ${installed.source}`,
  ),
  bad(
    'a plugin beside objectRef',
    source({ configMap: {}, objectRef: { kind: 'ConfigMap', name: 'cm' } }),
    `spec.sources[0]: needs exactly one source plugin, found configMap and objectRef; installed: ${installed.source}`,
  ),
  bad(
    'an unknown source',
    source({ kafkaTopic: {} }),
    `spec.sources[0].kafkaTopic: no source plugin "kafkaTopic" is installed; installed: ${installed.source}`,
  ),
  bad(
    'a misspelt source',
    source({ confgMap: {} }),
    'spec.sources[0].confgMap: no source plugin "confgMap" is installed; did you mean "configMap"?',
  ),
  bad(
    'an action among the sources',
    source({ webhook: { url } }),
    'spec.sources[0].webhook: "webhook" is a plugin for actions; move it to spec.actions',
  ),
  bad(
    'a filter among the actions',
    action({ debounce: { quietSeconds: 1 } }),
    'spec.actions[0].debounce: "debounce" is a plugin for filters; move it to spec.filters',
  ),
  bad(
    'a misspelt objectRef',
    source({ objectRf: { kind: 'ConfigMap', name: 'cm' } }),
    'spec.sources[0].objectRf: no source plugin "objectRf" is installed; did you mean "objectRef"?',
  ),
  bad(
    'an unknown kind',
    source({ objectRef: { kind: 'Deployment', name: 'web' } }),
    'spec.sources[0].objectRef.kind: no source plugin handles "Deployment"; handled: v1 ConfigMap, v1 Secret',
  ),
  bad(
    'a misspelt kind',
    source({ objectRef: { kind: 'Configmap', name: 'cm' } }),
    'spec.sources[0].objectRef.kind: no source plugin handles "Configmap"; did you mean "ConfigMap"?',
  ),
  bad(
    'an unknown version of a kind',
    source({ objectRef: { apiVersion: 'v2', kind: 'ConfigMap', name: 'cm' } }),
    'spec.sources[0].objectRef.kind: no source plugin handles "v2" "ConfigMap"; handled: v1 ConfigMap, v1 Secret',
  ),
  bad(
    'an objectRef without name',
    source({ objectRef: { kind: 'ConfigMap' } }),
    'spec.sources[0].objectRef.name: is required',
  ),
  bad(
    'an objectRef with a selector',
    source({ objectRef: { kind: 'ConfigMap', name: 'cm', selector: {} } }),
    'spec.sources[0].objectRef.selector: is not a known field; known fields: apiVersion, kind, name, namespace',
  ),
  bad(
    'the same source twice',
    spec({ sources: [CM, { objectRef: { kind: 'ConfigMap', name: 'cm' } }] }),
    'spec.sources[1]: repeats spec.sources[0]; remove one of them',
  ),
  bad(
    'two actions of one name',
    spec({
      actions: [
        { ...ROLL, name: 'a' },
        { webhook: { url }, name: 'a' },
      ],
    }),
    'spec.actions[1].name: "a" is the name of spec.actions[0] already; choose another one',
  ),
  bad(
    'a misspelt option of a source',
    source({ configMap: { nam: 'cm' } }),
    'spec.sources[0].configMap.nam: is not a known field; did you mean "name"?',
  ),
  bad('a plugin that is text', source({ configMap: 'cm' }), 'spec.sources[0].configMap: "cm" must be object'),
  bad(
    'name and selector',
    source({ configMap: { name: 'cm', selector: {} } }),
    'spec.sources[0].configMap: has name and selector; keep one of them',
  ),
  bad(
    'a name that no object has',
    source({ configMap: { name: 'App_Config' } }),
    'spec.sources[0].configMap.name: "App_Config" must match pattern "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": lower-case letters, digits, "-" and "."',
  ),
  bad(
    'a namespace that no namespace has',
    source({ secret: { namespace: 'a.b' } }),
    'spec.sources[0].secret.namespace: "a.b" must match pattern "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": lower-case letters, digits and "-"',
  ),
  bad(
    'a change that there is not',
    source({ configMap: { on: ['changed'] } }),
    'spec.sources[0].configMap.on[0]: "changed" is not one of created, updated, deleted',
  ),
  bad(
    'no change at all',
    source({ configMap: { on: [] } }),
    'spec.sources[0].configMap.on: the list must not have fewer than 1 items',
  ),
  bad(
    'labels without matchLabels',
    source({ configMap: { selector: { app: 'web' } } }),
    'spec.sources[0].configMap.selector.app: is not a known field; known fields: matchExpressions, matchLabels',
  ),
  bad(
    'In without values',
    source({ secret: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }),
    'spec.sources[0].secret.selector.matchExpressions[0].values: is empty, but In needs at least one value; for any value use Exists or DoesNotExist',
  ),
  bad(
    'an operator that there is not',
    source({ secret: { selector: { matchExpressions: [{ key: 'a', operator: 'is' }] } } }),
    'spec.sources[0].secret.selector.matchExpressions[0].operator: "is" is not one of In, NotIn, Exists, DoesNotExist',
  ),
  bad(
    'a glob that is not closed',
    source({ configMap: { keys: { include: ['[a'] } } }),
    'spec.sources[0].configMap.keys.include[0]: "[a" is not a glob; close each [ and {, put a comma between { and }, and write ranges upwards, as [a-z]',
  ),
  bad(
    'a negated glob',
    source({ configMap: { keys: { include: ['!a'] } } }),
    'spec.sources[0].configMap.keys.include[0]: "!a" is a negation; write "a" into keys.exclude instead',
  ),
  bad(
    'a type of Secrets beside a name',
    source({ secret: { name: 'a', types: ['Opaque'] } }),
    'spec.sources[0].secret.types: cannot stand beside name ("a"); a named Secret counts whatever its type',
  ),
  bad(
    'Secret as a resource',
    source({ resource: { apiVersion: 'v1', kind: 'Secret' } }),
    'spec.sources[0].resource.kind: Secret is not watched by this source, whose digests could be used to find values; use the source secret',
  ),
  bad(
    'a namespace of a Node',
    source({ resource: { apiVersion: 'v1', kind: 'Node', namespace: 'a' } }),
    'spec.sources[0].resource.namespace: "a" cannot stand here: Node is cluster-scoped; remove it',
  ),
  bad(
    'a resource without apiVersion',
    source({ resource: { kind: 'Certificate' } }),
    'spec.sources[0].resource.apiVersion: is required',
  ),
  bad(
    'a field that changes with every write',
    source({ resource: { apiVersion: 'v1', kind: 'Pod', fields: ['metadata'] } }),
    'spec.sources[0].resource.fields[0]: "metadata" changes with every write; name what counts in it, e.g. metadata.labels',
  ),
  bad(
    'a timer without a schedule',
    source({ timer: {} }),
    'spec.sources[0].timer: needs exactly one of schedule, every',
  ),
  bad(
    'a timer with two',
    source({ timer: { schedule: '0 3 * * *', every: '1h' } }),
    'spec.sources[0].timer: has schedule and every; keep one of them',
  ),
  bad(
    'a cron of two fields',
    source({ timer: { schedule: '0 3' } }),
    'spec.sources[0].timer.schedule: "0 3" has 2 fields; write 5 (minute hour day-of-month month day-of-week) or 6 (second first)',
  ),
  bad(
    'a day that never comes',
    source({ timer: { schedule: '0 0 30 2 *' } }),
    'spec.sources[0].timer.schedule: "0 0 30 2 *" names a day that never comes; correct the day or the month',
  ),
  bad(
    'a step past the end',
    source({ timer: { schedule: '*/70 * * * *' } }),
    'spec.sources[0].timer.schedule: "*/70" in the field minute: a step of 70 never gets past 0 in 0-59; write 0, or a step of at most 59',
  ),
  bad(
    'a time zone that there is not',
    source({ timer: { schedule: '0 3 * * *', timeZone: 'Berlin' } }),
    'spec.sources[0].timer.timeZone: "Berlin" is no time zone; did you mean "Europe/Berlin"?',
  ),
  bad(
    'a duration without unit',
    source({ timer: { every: '90' } }),
    'spec.sources[0].timer.every: "90" is no duration; write its unit: 90s, 90m or 90h',
  ),
  bad(
    'a timer that misses none and has a deadline',
    source({ timer: { every: '1h', missed: 'none', startingDeadlineSeconds: 60 } }),
    'spec.sources[0].timer.startingDeadlineSeconds: means nothing to missed: none; remove it, or use missed: latest',
  ),
  bad(
    'an expression that does not parse',
    filter({ cel: { expression: 'event.key ==' } }),
    'spec.filters[0].cel.expression: line 1, column 13: Unexpected token: EOF',
  ),
  bad(
    'an expression that is no condition',
    filter({ cel: { expression: 'event.key' } }),
    'spec.filters[0].cel.expression: line 1, column 1: it is a value of type string, not a bool; compare it with something',
  ),
  bad(
    'an unknown variable',
    filter({ cel: { expression: 'evnt.key == "a"' } }),
    'spec.filters[0].cel.expression: line 1, column 1: Unknown variable: evnt; did you mean "event"?',
  ),
  bad('a debounce without time', filter({ debounce: {} }), 'spec.filters[0].debounce.quietSeconds: is required'),
  bad(
    'a debounce that waits shorter than it is quiet',
    filter({ debounce: { quietSeconds: 60, maxWaitSeconds: 5 } }),
    'spec.filters[0].debounce.maxWaitSeconds: 5 is shorter than quietSeconds (60); raise it, or lower quietSeconds',
  ),
  bad(
    'a throttle of none',
    filter({ throttle: { limit: 0, periodSeconds: 60 } }),
    'spec.filters[0].throttle.limit: 0 must be >= 1',
  ),
  bad(
    'a window that is always open',
    filter({ window: { schedule: '* * * * *', durationMinutes: 5 } }),
    'spec.filters[0].window.durationMinutes: 5 reaches from each beginning ("* * * * *") to the next: it would always be open and the filter do nothing; shorten it, or remove the filter',
  ),
  bad(
    'a blackout that never ends',
    filter({ blackout: { schedule: '0 * * * *', durationMinutes: 60 } }),
    'spec.filters[0].blackout.durationMinutes: 60 reaches from each beginning ("0 * * * *") to the next: it would never end and nothing could pass; shorten it',
  ),
  bad(
    'retry of a filter',
    filter({ cel: { expression: 'true' }, retry: {} }),
    'spec.filters[0].retry: is not a known field; known fields: name',
  ),
  bad(
    'an action without a plugin',
    action({ name: 'roll' }),
    `spec.actions[0]: needs exactly one action plugin, found none (a key without a value is none: write {}); installed: ${installed.action}`,
  ),
  bad(
    'a misspelt action',
    action({ updatePodTemplte: {} }),
    'spec.actions[0].updatePodTemplte: no action plugin "updatePodTemplte" is installed; did you mean "updatePodTemplate"?',
  ),
  bad(
    'a misspelt key beside the plugin',
    action({ ...ROLL, retries: { limit: 1 } }),
    'spec.actions[0].retries: is not a known field; known fields: name, onFailure, retry, timeoutSeconds',
  ),
  bad(
    'a negative retry limit',
    action({ ...ROLL, retry: { limit: -1 } }),
    'spec.actions[0].retry.limit: -1 must be >= 0',
  ),
  bad('a timeout of nothing', action({ ...ROLL, timeoutSeconds: 0 }), 'spec.actions[0].timeoutSeconds: 0 must be >= 1'),
  bad(
    'an unknown onFailure',
    action({ ...ROLL, onFailure: 'ignore' }),
    'spec.actions[0].onFailure: "ignore" is not one of stop, continue',
  ),
  bad(
    'a webhook without a target',
    webhook({}),
    'spec.actions[0].webhook: needs exactly one of url, urlFrom, serviceRef, pods',
  ),
  bad(
    'a webhook with two targets',
    webhook({ url, pods: { selector: {}, port: 80 } }),
    'spec.actions[0].webhook: has url and pods; keep one of them',
  ),
  bad(
    'a webhook to no web address',
    webhook({ url: 'ftp://example.com' }),
    'spec.actions[0].webhook.url: has the scheme "ftp"; only http and https are spoken',
  ),
  bad(
    'a webhook to the metadata service',
    webhook({ url: 'http://169.254.169.254/latest' }),
    'spec.actions[0].webhook.url: cannot be asked, since it leads to 169.254.169.254, a link-local or metadata address; set allowLinkLocal if it is meant, which whoever runs kube-trigger may overrule',
  ),
  bad(
    'a URL with a password',
    webhook({ url: 'https://me:hunter2@example.com' }),
    'spec.actions[0].webhook.url: has a user name or password; put them into headers[] with valueFrom.secretKeyRef',
  ),
  bad(
    'a port with quotes',
    webhook({ serviceRef: { name: 'app', port: '80' } }),
    'spec.actions[0].webhook.serviceRef.port: "80" is not a port; a number has no quotes',
  ),
  bad(
    'a header from two places',
    webhook({ url, headers: [{ name: 'A', value: 'a', valueFrom: {} }] }),
    'spec.actions[0].webhook.headers[0]: has value and valueFrom; keep one of them',
    'spec.actions[0].webhook.headers[0].valueFrom: needs exactly one of secretKeyRef, configMapKeyRef',
  ),
  bad(
    'a header that cannot be set',
    webhook({ url, headers: [{ name: 'Host', value: 'a' }] }),
    'spec.actions[0].webhook.headers[0].name: "Host" cannot be set: it follows from the target',
  ),
  bad(
    'a body with GET',
    webhook({ url, method: 'GET', body: { template: '{}' } }),
    'spec.actions[0].webhook.body: cannot be sent with GET; use POST, PUT or PATCH',
  ),
  bad(
    'a body that is not JSON',
    webhook({ url, body: { template: 'hello' } }),
    'spec.actions[0].webhook.body.template: line 1, column 6: is not JSON (Unexpected token \'h\', "hello" is not valid JSON); an expression outside quotes is a whole JSON value',
  ),
  bad(
    'TLS for http',
    webhook({ url: 'http://example.com', tls: { serverName: 'a' } }),
    'spec.actions[0].webhook.tls: is for https, but the target is http; change the scheme or remove tls',
  ),
  bad(
    'several things in several places',
    {
      sources: [{ configMap: { nam: 'cm' } }, { sekret: {} }],
      filter: [],
      actions: [{ webhook: {} }, { webhook: { url, method: 'FETCH' } }],
    },
    'spec.filter: is not a known field; did you mean "filters"?',
    'spec.sources[0].configMap.nam: is not a known field; did you mean "name"?',
    'spec.sources[1].sekret: no source plugin "sekret" is installed; did you mean "secret"?',
    'spec.actions[0].webhook: needs exactly one of url, urlFrom, serviceRef, pods',
    'spec.actions[1].webhook.method: "FETCH" is not one of POST, PUT, PATCH, DELETE, GET',
  ),
];

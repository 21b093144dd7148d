import { LabelSelector, NamespaceName, ObjectName, StringEnum } from '@kube-trigger/core';
import { waitForMountOption } from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

const keyRef = (kind: string) =>
  Type.Object(
    {
      name: ObjectName({ description: `Name of the ${kind}, which is in the rule's namespace.` }),
      key: Type.String({ minLength: 1, maxLength: 253, description: 'Which of its keys.' }),
    },
    { ...closed, description: `A key of a ${kind}, read for each attempt.` },
  );

const references = {
  secretKeyRef: Type.Optional(keyRef('Secret')),
  configMapKeyRef: Type.Optional(keyRef('ConfigMap')),
};

const oneReference = { exactlyOneOf: ['secretKeyRef', 'configMapKeyRef'] } as const;

const scheme = () =>
  StringEnum(['http', 'https'], { default: 'http', description: 'How it is spoken to; `tls` has the details.' });

const path = () =>
  Type.String({
    default: '/',
    maxLength: 2048,
    description: 'Path, and query if need be.',
    examples: ['/-/reload'],
  });

/** A number or a name. No `type`: a structural schema has no union of types, so `validateWebhook` checks it. */
const port = (description: string) => Type.Unsafe<number | string>({ description, examples: [8080, 'http'] });

const codes = (defaults: readonly string[], description: string) =>
  Type.Array(Type.String({ pattern: '^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$' }), {
    default: [...defaults],
    maxItems: 32,
    description,
  });

const ServiceRef = Type.Object(
  {
    name: ObjectName({ description: 'Name of the Service.' }),
    namespace: Type.Optional(NamespaceName({ description: "Where it is. Default: the rule's namespace." })),
    port: port('A port of the Service, by number or name.'),
    path: path(),
    scheme: scheme(),
  },
  { ...closed, description: 'Tells a Service: one request, to whichever pod answers.' },
);

const Pods = Type.Object(
  {
    selector: LabelSelector({ description: 'Labels of the pods. Empty selects all of the namespace.' }),
    namespace: Type.Optional(NamespaceName({ description: "Where they are. Default: the rule's namespace." })),
    port: port('A port of the pods, by number or by the name a container gives it.'),
    path: path(),
    scheme: scheme(),
  },
  { ...closed, description: 'Tells every ready pod, each with a request of its own.' },
);

const Header = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Name of the header.',
      examples: ['Authorization'],
    }),
    value: Type.Optional(Type.String({ maxLength: 4096, description: 'Its value, as it stands.' })),
    valueFrom: Type.Optional(
      Type.Object(references, { ...closed, ...oneReference, description: 'Or where its value is.' }),
    ),
  },
  { ...closed, exactlyOneOf: ['value', 'valueFrom'] },
);

const CloudEvents = Type.Object(
  {
    mode: Type.Optional(
      StringEnum(['structured', 'binary'], {
        description:
          'Structured: the whole event is the body. Binary: attributes are headers, data is the body. Default: structured; binary without a body for GET.',
      }),
    ),
    type: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'The `type` attribute. Default: `com.example.app.trigger.<change>`.',
      }),
    ),
    source: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: 'The `source` attribute, a URI reference. Default: the path of the rule in the Kubernetes API.',
      }),
    ),
  },
  { ...closed, description: 'The request is a CloudEvent 1.0. This is the default.' },
);

const Body = Type.Object(
  {
    template: Type.String({
      maxLength: 16_384,
      description: 'Text with `${…}` around CEL expressions over `event`, `object` and `rule`. Empty: an empty body.',
    }),
    contentType: Type.String({
      default: 'application/json',
      maxLength: 256,
      description: 'Its media type. For JSON types the text must be JSON, and values are escaped.',
    }),
  },
  { ...closed, description: 'A body of your own instead of a CloudEvent.' },
);

const Signature = Type.Object(
  { secretKeyRef: keyRef('Secret') },
  {
    ...closed,
    description:
      'Signs by the Standard Webhooks convention. The key holds `whsec_` and 24 to 64 bytes in base64; several, separated by spaces, while keys are changed.',
  },
);

const Tls = Type.Object(
  {
    caBundle: Type.Optional(
      Type.Object(
        {
          pem: Type.Optional(Type.String({ maxLength: 262_144, description: 'The certificates, as PEM.' })),
          ...references,
        },
        {
          ...closed,
          exactlyOneOf: ['pem', 'secretKeyRef', 'configMapKeyRef'],
          description: 'The only authorities that are trusted. Default: those that Node.js trusts.',
        },
      ),
    ),
    clientCertificate: Type.Optional(
      Type.Object(
        { secretName: ObjectName({ description: "A Secret of type kubernetes.io/tls in the rule's namespace." }) },
        { ...closed, description: 'Shown to servers that ask for one.' },
      ),
    ),
    serverName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description: "The name that the server's certificate must have. Default: the URL's host. Needed for `pods`.",
      }),
    ),
  },
  { ...closed, description: 'For https. Certificates are always checked.' },
);

export const WebhookConfig = Type.Object(
  {
    url: Type.Optional(Type.String({ description: 'Tells this http or https URL.' })),
    urlFrom: Type.Optional(
      Type.Object(references, {
        ...closed,
        ...oneReference,
        description: 'Or the URL in this key: for URLs that are secrets themselves.',
      }),
    ),
    serviceRef: Type.Optional(ServiceRef),
    pods: Type.Optional(Pods),
    method: StringEnum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'], { default: 'POST', description: 'The HTTP method.' }),
    headers: Type.Array(Header, { default: [], maxItems: 32, description: 'More headers.' }),
    cloudEvents: Type.Optional(CloudEvents),
    body: Type.Optional(Body),
    signature: Type.Optional(Signature),
    tls: Type.Optional(Tls),
    waitForMount: waitForMountOption(),
    successCodes: codes(['200-299'], 'Statuses that mean it worked, as numbers or ranges.'),
    retryCodes: codes(
      ['408', '425', '429', '500-599'],
      'Statuses after which a repetition may help. Any other one is final.',
    ),
    followRedirects: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 5,
      description: 'How many redirects are followed, to the same host only and never from https to http.',
    }),
    allowLinkLocal: Type.Boolean({
      default: false,
      description: 'Lets the target have a link-local or cloud metadata address, where the operator allows that.',
    }),
  },
  {
    ...closed,
    exactlyOneOf: ['url', 'urlFrom', 'serviceRef', 'pods'],
    atMostOneOf: ['cloudEvents', 'body'],
    description: 'Tells a URL, a Service or every ready pod over HTTP.',
  },
);
export type WebhookConfig = Static<typeof WebhookConfig>;
export type ServiceTarget = Static<typeof ServiceRef>;
export type PodsTarget = Static<typeof Pods>;
export type HeaderConfig = Static<typeof Header>;
export type TlsConfig = Static<typeof Tls>;
export type KeyRef = Static<ReturnType<typeof keyRef>>;
/** One of the two is set. */
export interface KeySource {
  readonly secretKeyRef?: KeyRef;
  readonly configMapKeyRef?: KeyRef;
}
